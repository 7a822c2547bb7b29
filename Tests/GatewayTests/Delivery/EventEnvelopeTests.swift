import FanOut
import SluiceCore
import Testing

@testable import Gateway

@Suite("EventEnvelope")
struct EventEnvelopeTests {
    private func json(
        _ payload: String,
        _ contentType: ContentType,
        _ attributes: RecordAttributes = .none,
        sequence: UInt64 = 18
    ) -> String {
        let record = ChangeRecord(
            sequence: SequenceNumber(sequence),
            previous: SequenceNumber(17),
            topic: Topic(alreadyChecked: "a\"/ü"),
            payload: Array(payload.utf8),
            contentType: contentType,
            attributes: attributes,
            acceptedAtNanoseconds: 0,
            acceptedAtWallNanoseconds: 0
        )
        var bytes: [UInt8] = []
        EventEnvelope.appendJSON(record, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("splices JSON, quotes text, encodes the rest")
    func embedding() {
        let head = #"{"type":"event","topic":"a\"/ü","sequence":18,"previous":17,"contentType":"#
        #expect(json(#"{"x": 1}"#, .json) == head + #""application/json","data":{"x": 1}}"#)
        #expect(json("say \"hi\"", ContentType("text/plain")) == head + #""text/plain","data":"say \"hi\""}"#)
        #expect(json("hi", ContentType("image/png")) == head + #""image/png","encoding":"base64","data":"aGk="}"#)
    }

    @Test("names the item that changed")
    func attributes() {
        let attributes = RecordAttributes(operation: .modify, table: "orders", itemKey: "4\"2")
        #expect(
            json("1", .json, attributes).hasSuffix(
                #""application/json","operation":"MODIFY","table":"orders","key":"4\"2","data":1}"#
            )
        )
    }

    @Test("writes numbers of every length", arguments: [0, 9, 10, 99, 1_000_000, UInt64.max])
    func numbers(sequence: UInt64) {
        #expect(json("1", .json, sequence: sequence).contains(#""sequence":\#(sequence),"#))
    }
}
