import ChangeQueue
import NIOCore
import NIOEmbedded
import SluiceCore
import Testing

@testable import Gateway

@Suite("Resume")
struct ResumeTests {
    private let topic = Topic(alreadyChecked: "a")

    private func subscribe(_ client: WebSocketClient, after: Int) throws {
        try client.send(#"{"action":"subscribe","id":"1","topics":["a"],"after":{"a":\#(after)}}"#)
    }

    @Test("sends the history after the reply, then what is new")
    func history() throws {
        let harness = WebSocketHarness()
        for _ in 0..<5 { harness.log.append(topic) }
        let client = try harness.connect()
        _ = client.read()
        try subscribe(client, after: 2)
        harness.commitRegistry()
        harness.runOffloaded()
        #expect(
            client.texts().first
                == #"{"type":"subscribed","id":"1","topics":[{"topic":"a","sequence":5,"recovered":true}]}"#
        )
        harness.deliver(harness.log.append(topic))
        #expect(client.read().isEmpty)
        harness.settle()
        harness.deliver(harness.log.append(topic))
        #expect(client.sequences() == [3, 4, 5, 6, 7])
        #expect(harness.loop?.catchUps.isEmpty == true)
    }

    @Test("sends it in pieces, the next when the last has left")
    func pieces() throws {
        let harness = WebSocketHarness { $0.resumeSliceBytes = 1 }
        for _ in 0..<3 { harness.log.append(topic) }
        let client = try harness.connect()
        try subscribe(client, after: 0)
        harness.commitRegistry()
        harness.runOffloaded()
        _ = client.read()
        for expected in 1...3 as ClosedRange<UInt64> {
            harness.runOffloaded()
            #expect(client.sequences() == [expected])
        }
        #expect(!harness.runOffloaded())
    }

    @Test("knows that nothing was missed without reading")
    func nothingMissed() throws {
        let harness = WebSocketHarness()
        harness.log.append(topic)
        let client = try harness.connect()
        _ = client.read()
        try subscribe(client, after: 1)
        harness.commitRegistry()
        #expect(
            client.texts() == [
                #"{"type":"subscribed","id":"1","topics":[{"topic":"a","sequence":1,"recovered":true}]}"#
            ]
        )
        harness.log.append(Topic(alreadyChecked: "b"))
        let other = try harness.connect("/ws?topic=a&after=2")
        harness.commitRegistry()
        #expect(other.texts().last == #"{"type":"subscribed","topics":[{"topic":"a","sequence":1,"recovered":true}]}"#)
    }

    @Test("tells the gap when the log was trimmed, and sends what is left")
    func gap() throws {
        let harness = WebSocketHarness()
        for _ in 0..<5 { harness.log.append(topic) }
        harness.log.trim(through: 3)
        let client = try harness.connect()
        _ = client.read()
        try subscribe(client, after: 1)
        harness.commitRegistry()
        harness.settle()
        let frames = client.read()
        #expect(
            frames.first?.text
                == #"{"type":"subscribed","id":"1","topics":[{"topic":"a","sequence":5,"gap":{"from":2,"to":4}}]}"#
        )
        #expect(frames.compactMap { SequenceInEvent.number($0) } == [4, 5])
    }

    @Test("tells a client of another log that everything may be new to it")
    func foreign() throws {
        let harness = WebSocketHarness()
        harness.log.append(topic)
        let client = try harness.connect()
        _ = client.read()
        try subscribe(client, after: 500)
        harness.commitRegistry()
        #expect(
            client.texts() == [
                #"{"type":"subscribed","id":"1","topics":[{"topic":"a","sequence":1,"gap":{"from":1,"to":2}}]}"#
            ]
        )
        harness.deliver(harness.log.append(topic))
        #expect(client.sequences() == [2])
    }

    @Test("starts a subscription over that stands")
    func startOver() throws {
        let harness = WebSocketHarness()
        let client = try harness.connectSubscribed(to: "a")
        harness.deliver(harness.log.append(topic), harness.log.append(topic))
        #expect(client.sequences() == [1, 2])
        try subscribe(client, after: 0)
        harness.commitRegistry()
        harness.settle()
        harness.deliver(harness.log.append(topic))
        #expect(client.sequences() == [1, 2, 3])
    }

    @Test("closes a connection whose history can't be read")
    func unreadable() throws {
        let harness = WebSocketHarness()
        harness.log.append(topic)
        let client = try harness.connect()
        try subscribe(client, after: 0)
        harness.commitRegistry()
        harness.runOffloaded()
        _ = client.read()
        harness.log.fail(ChangeQueueError(.corruptRecord, "bad"))
        harness.settle()
        #expect(client.read().first?.closeCode == 1011)
    }

    @Test("stops when the client unsubscribes or goes")
    func stops() throws {
        let harness = WebSocketHarness { $0.resumeSliceBytes = 1 }
        for _ in 0..<3 { harness.log.append(topic) }
        let client = try harness.connect()
        let other = try harness.connect()
        try subscribe(client, after: 0)
        try subscribe(other, after: 0)
        harness.commitRegistry()
        harness.runOffloaded()
        harness.runOffloaded()
        #expect(client.sequences() == [1])
        try client.send(#"{"action":"unsubscribe","topics":["a"]}"#)
        try other.channel.close().wait()
        harness.settle()
        #expect(client.sequences().isEmpty)
        #expect(harness.loop?.catchUps.isEmpty == true)
    }
}
