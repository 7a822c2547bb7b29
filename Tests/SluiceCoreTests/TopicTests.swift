import SluiceCore
import Testing

@Suite struct TopicTests {
    @Test(
        "a topic keeps its name",
        arguments: [
            "a", "orders/42", "päivä/☕️", "\u{FFFE}\u{FFBD}", "/leading", "a//b", String(repeating: "x", count: 400),
        ]
    )
    func valid(name: String) throws {
        #expect(try Topic(name).name == name)
        #expect(try Topic(utf8: Array(name.utf8)).name == name)
    }

    @Test(
        "a topic that is empty, too long, has a control character, a wildcard or what stands for no text is refused",
        arguments: [
            "", String(repeating: "x", count: 401), "a\nb", "a\u{0}", "a\u{7F}", "a\u{85}b", "a/+/b", "a/#", "c#",
            "a/\u{FFFD}", "\u{FFFD}/b",
        ]
    )
    func invalid(name: String) {
        #expect { try Topic(name) } throws: { $0 is TopicError }
    }

    @Test(
        "bytes that are not UTF-8 are refused",
        arguments: [[0xFF], [0xC3], [0x61, 0xC0, 0x80], [0xED, 0xA0, 0x80]]
    )
    func notUTF8(bytes: [UInt8]) {
        #expect { try Topic(utf8: bytes) } throws: { ($0 as? TopicError)?.code == .notText }
    }

    @Test("an error message shows no control character")
    func printableMessage() {
        #expect { try Topic("a\u{1B}[31m") } throws: { !"\($0)".contains("\u{1B}") }
    }

    @Test("topics are equal when their bytes are, not when Unicode takes them for equivalent")
    func equality() throws {
        let composed = try Topic("caf\u{E9}")
        let decomposed = try Topic("cafe\u{301}")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed, try Topic(utf8: Array("caf\u{E9}".utf8))]).count == 2)
        #expect(composed.hashValue == (try Topic("caf" + "\u{E9}")).hashValue)
    }
}
