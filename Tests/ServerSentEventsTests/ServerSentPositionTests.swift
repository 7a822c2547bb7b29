import FanOut
import NIOCore
import SluiceCore
import TestSupport
import Testing

@testable import ServerSentEvents

@Suite("ServerSentPosition")
struct ServerSentPositionTests {
    private func topics(_ names: [String]) throws -> [Topic] { try names.map { try Topic($0) } }

    @Test("an id says the number of each topic, and is read by a response with the same topics in their order only")
    func roundTrip() throws {
        let seed = SeededGenerator.printedSeed()
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let count = Int.random(in: 1...ServerSentPosition.maximumTopics, using: &generator)
            let topics = try topics((0..<count).map { "t/\($0)" })
            let sequences = topics.map { _ in SequenceNumber(UInt64.random(in: 0...(.max - 1), using: &generator)) }
            let position = ServerSentPosition(epoch: "5f2a-91.c0", topics: topics, sequences: sequences)
            let read = try #require(ServerSentPosition(ByteString(position.text), topics: topics), "seed \(seed)")
            #expect(read == position)
            #expect(read.epoch == "5f2a-91.c0")
            #expect(ServerSentPosition(ByteString(position.text), topics: topics.reversed()) == nil || count == 1)
            #expect(ServerSentPosition(ByteString(position.text), topics: Array(topics.dropLast())) == nil)
        }
    }

    @Test(
        "what is no id is none",
        arguments: ["", "1", "1-e-0-1", "2-e-0-1", "1-e--", "1-e-0-+1", "1-e-0-1.2.", "1-e-0-18446744073709551616"]
    )
    func refuses(text: String) throws {
        let checked = ServerSentPosition(epoch: "e", topics: try topics(["a"]), sequences: [SequenceNumber(1)]).text
        let parts = checked.split(separator: "-")
        let withChecksum = text.replacing("-0-", with: "-\(parts[2])-")
        #expect(ServerSentPosition(ByteString(text), topics: try topics(["a"])) == nil)
        if text != "1-e-0-1" { #expect(ServerSentPosition(ByteString(withChecksum), topics: try topics(["a"])) == nil) }
    }

    @Test("a response's ids begin where its topics begin: behind what was known, a gap, or what diverged")
    func begins() throws {
        let topics = try topics(["a", "b", "c", "d", "e"])
        var framing = ServerSentFraming(epoch: "e")
        let subscribed = [
            SubscribedTopic(topic: topics[0], sequence: SequenceNumber(10)),
            SubscribedTopic(topic: topics[1], sequence: SequenceNumber(10), resume: .recovered),
            SubscribedTopic(
                topic: topics[2],
                sequence: SequenceNumber(10),
                resume: .gap(SequenceGap(from: SequenceNumber(3), to: SequenceNumber(7)))
            ),
            SubscribedTopic(
                topic: topics[3],
                sequence: SequenceNumber(10),
                resume: .diverged(from: SequenceNumber(4), gap: nil)
            ),
            SubscribedTopic(
                topic: topics[4],
                sequence: SequenceNumber(10),
                resume: .diverged(
                    from: SequenceNumber(4),
                    gap: SequenceGap(from: SequenceNumber(4), to: SequenceNumber(6))
                )
            ),
        ]
        let known = [nil, 5, 2, 8, 8].map { $0.map { SequenceNumber(UInt64($0)) } }
        let text = String(buffer: framing.subscribed(subscribed, after: known, json: Array("{}".utf8)))
        let id = try #require(text.split(separator: "\n").first { $0.hasPrefix("id: ") })
        #expect(id.hasSuffix("-10.5.6.3.5"))
        #expect(text.hasSuffix("event: subscribed\ndata: {}\n\n"))
    }
}
