import SluiceCore
import Testing

@Suite struct CatalogueTests {
    @Test("a record id reads back, and what isn't one doesn't")
    func recordID() {
        let id = RecordID(logID: 0x00AB, sequence: SequenceNumber(18))
        #expect(id.description == "000000ab-18")
        #expect(RecordID(id.description) == id)
        for text in ["", "18", "000000ab", "xxxxxxxx-1", "000000ab-", "000000ab-1-2", "ab-1"] {
            #expect(RecordID(text) == nil)
        }
    }

    @Test("a stage's latency is known only when both its ends are and the clocks agree")
    func stages() {
        var times = StageTimes()
        #expect(Stage.hop.nanoseconds(in: times) == nil)
        times.accepted = 100
        times.received = 150
        #expect(Stage.hop.nanoseconds(in: times) == 50)
        times.received = 50
        #expect(Stage.hop.nanoseconds(in: times) == nil)
    }

    @Test(
        "a media type says how its payload is embedded",
        arguments: [
            ("application/json", ContentType.Embedding.json), ("Application/JSON; charset=utf-8", .json),
            ("application/ld+json", .json),
            ("text/html", .text), ("image/svg+xml", .text), ("application/octet-stream", .binary),
            ("image/png", .binary), ("", .binary),
        ]
    )
    func embedding(value: String, expected: ContentType.Embedding) {
        #expect(ContentType(value).embedding == expected)
    }
}
