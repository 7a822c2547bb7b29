import SluiceCore
import Testing

@Suite("QueueID")
struct QueueIDTests {
    @Test("letters, digits, dashes, underscores and dots make a name", arguments: ["a", "sqs", "Orders-2_x.fifo", "0"])
    func accepts(name: String) throws {
        let id = try QueueID(ByteString(name))
        #expect(id.description == name)
        #expect(try QueueID(ByteString(String(repeating: "q", count: 80))).name.count == 80)
    }

    @Test(
        "anything that a file's or a database's name couldn't hold is refused with the value",
        arguments: [
            "", "a b", "a/b", "..", ".a", "ä", "e\u{301}", "a\u{0}", "\u{212A}", String(repeating: "q", count: 81),
        ]
    )
    func refuses(name: String) {
        #expect {
            try QueueID(ByteString(name))
        } throws: { error in
            (error as? QueueIDError)?.description.contains("queue's name") == true
        }
    }

    @Test("each semantics is a queue of its own name", arguments: QueueSemantics.allCases)
    func names(semantics: QueueSemantics) throws {
        #expect(semantics.queueID == (try QueueID(ByteString(semantics.rawValue))))
        #expect(Set(QueueSemantics.allCases.map(\.queueID)).count == QueueSemantics.allCases.count)
        #expect(semantics.attributes.kind == (semantics == .stream ? .stream : .standard))
    }
}
