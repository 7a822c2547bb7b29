import NIOCore
import SluiceCore
import Testing

@testable import sluice

@Suite("BenchReply")
struct BenchReplyTests {
    private static let marker = BenchMarker(run: "00c0ffee", number: 17, dueNanoseconds: 123_456_789)

    private func event(_ data: String, sequence: UInt64 = 18, previous: UInt64 = 17) -> [UInt8] {
        Array(
            #"{"type":"event","topic":"t","sequence":\#(sequence),"previous":\#(previous),"contentType":"application/json","data":\#(data)}"#
                .utf8
        )
    }

    @Test("a payload has its size and its marker can be read again", arguments: [100, 101, 200, 4_096])
    func payload(bytes: Int) throws {
        let longest = BenchMarker(run: "ffffffff", number: .max, dueNanoseconds: .max)
        for marker in [BenchReplyTests.marker, longest] {
            let payload = marker.payload(bytes: bytes)
            #expect(payload.count == bytes)
            #expect(BenchMarker(try JSONValue(payload)) == marker)
        }
    }

    @Test("an event is read with its marker")
    func ownEvent() {
        let data = String(decoding: BenchReplyTests.marker.payload(bytes: 200), as: UTF8.self)
        let expected = BenchEvent(sequence: 18, previous: 17, marker: BenchReplyTests.marker)
        #expect(BenchReply(event(data)) == .event(expected))
    }

    @Test("an event of somebody else has no marker", arguments: ["{}", "null", #"{"run":"a","number":-1,"due":1}"#])
    func foreignEvent(data: String) {
        #expect(BenchReply(event(data)) == .event(BenchEvent(sequence: 18, previous: 17, marker: nil)))
    }

    @Test(
        "the other messages are told apart",
        arguments: [
            (#"{"type":"subscribed","topics":[{"topic":"t","sequence":4}]}"#, BenchReply.subscribed(sequence: 4)),
            (#"{"type":"connected","connectionId":"x"}"#, .other),
            (#"{"type":"error","code":"Forbidden","message":"no"}"#, .error(code: "Forbidden", message: "no")),
            (#"{"type":"subscribed","topics":[]}"#, .faulty), (#"{"type":"event"}"#, .faulty), ("{}", .faulty),
            ("hello", .faulty),
        ]
    )
    func others(text: String, reply: BenchReply) {
        #expect(BenchReply(Array(text.utf8)) == reply)
    }

    @Test("the reader tells each topic's messages apart, whether or not they are repeated")
    func reader() {
        var reader = BenchReplyReader(topics: 2)
        for _ in 0..<3 {
            for (topic, sequence) in [(0, UInt64(1)), (1, 2), (0, 3)] {
                let text = ByteBuffer(bytes: event("1", sequence: sequence, previous: 0))
                let expected = BenchEvent(sequence: sequence, previous: 0, marker: nil)
                #expect(reader.read(text, topic: topic) == .event(expected))
                #expect(reader.read(text, topic: topic) == .event(expected))
            }
        }
    }
}
