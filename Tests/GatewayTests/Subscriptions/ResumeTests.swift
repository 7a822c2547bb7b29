import ChangeQueue
import NIOCore
import NIOEmbedded
import SluiceCore
import TestSupport
import Testing

@testable import FanOut
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
                == #"{"type":"subscribed","id":"1","topics":[{"topic":"a","sequence":5,"recovered":true}],"epoch":"\#(LogModel.epoch)"}"#
        )
        harness.deliver(harness.log.append(topic))
        #expect(client.read().isEmpty)
        harness.settle()
        harness.deliver(harness.log.append(topic))
        #expect(client.sequences() == [3, 4, 5, 6, 7])
        #expect(harness.loop?.subscribers.underWay.catchUps == 0)
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
                #"{"type":"subscribed","id":"1","topics":[{"topic":"a","sequence":1,"recovered":true}],"epoch":"\#(LogModel.epoch)"}"#
            ]
        )
        harness.log.append(Topic(alreadyChecked: "b"))
        let epoch = LogModel.epoch
        let other = try harness.connect("/ws?topic=a&after=2&epoch=\(epoch)")
        harness.commitRegistry()
        #expect(
            other.texts().last
                == #"{"type":"subscribed","topics":[{"topic":"a","sequence":1,"recovered":true}],"epoch":"\#(epoch)"}"#
        )
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
                == #"{"type":"subscribed","id":"1","topics":[{"topic":"a","sequence":5,"gap":{"from":2,"to":4}}],"epoch":"\#(LogModel.epoch)"}"#
        )
        #expect(frames.compactMap(\.eventSequence) == [4, 5])
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
                #"{"type":"subscribed","id":"1","topics":[{"topic":"a","sequence":1,"gap":{"from":1,"to":2}}],"epoch":"\#(LogModel.epoch)"}"#
            ]
        )
        harness.deliver(harness.log.append(topic))
        #expect(client.sequences() == [2])
    }

    @Test("a number above the topic's newest that says no epoch is another history's, also below the log's newest")
    func aboveTheHead() throws {
        let harness = WebSocketHarness()
        harness.log.append(topic)
        harness.log.append(Topic(alreadyChecked: "b"))
        let client = try harness.connect("/ws?topic=a&after=2")
        harness.commitRegistry()
        #expect(client.texts().last?.contains(#""gap":{"from":1,"to":2}"#) == true)
    }

    @Test("a client of another epoch is told from where on its history differs, and gets all of this one from there on")
    func diverged() throws {
        let harness = WebSocketHarness()
        for _ in 0..<3 { harness.log.append(topic) }
        let client = try harness.connect("/ws?topic=a&after=2&epoch=00000000000000ff")
        harness.commitRegistry()
        harness.settle()
        let frames = client.read()
        #expect(
            frames.contains {
                $0.text
                    == #"{"type":"subscribed","topics":[{"topic":"a","sequence":3,"diverged":{"from":1}}],"epoch":"\#(LogModel.epoch)"}"#
            }
        )
        #expect(frames.compactMap(\.eventSequence) == [1, 2, 3])
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
        try client.send(#"{"action":"unsubscribe","topics":["a"],"epoch":"\#(LogModel.epoch)"}"#)
        try other.channel.close().wait()
        harness.settle()
        #expect(client.sequences().isEmpty)
        #expect(harness.loop?.subscribers.underWay.catchUps == 0)
    }

    @Test("walks a long chain in slices, between which others have their turn")
    func slices() throws {
        let harness = WebSocketHarness()
        harness.log.slice(records: 4)
        let long = Topic(alreadyChecked: "long")
        for _ in 0..<10 { harness.log.append(long) }
        harness.log.append(topic)
        let slow = try harness.connect()
        let quick = try harness.connect()
        _ = slow.read() + quick.read()
        try slow.send(#"{"action":"subscribe","topics":["long"],"after":{"long":0}}"#)
        try subscribe(quick, after: 0)
        harness.commitRegistry()
        harness.runOffloaded()
        #expect(harness.log.walkedCount == 5)
        #expect(slow.read().isEmpty && quick.texts().count == 1)
        harness.settle()
        #expect(harness.log.walkedCount == 11)
        #expect(slow.sequences() == Array(1...10))
        #expect(quick.sequences() == [11])
    }

    @Test("walks once for a client that asks a thousand times, and not at all for one that is gone")
    func superseded() throws {
        let harness = WebSocketHarness { $0.subscriptionsPerConnection = 10 }
        harness.log.slice(records: 10)
        for _ in 0..<100 { harness.log.append(topic) }
        let client = try harness.connect()
        _ = client.read()
        for _ in 0..<1_000 { try subscribe(client, after: 0) }
        harness.commitRegistry()
        #expect(harness.waitingCount <= 1)
        harness.settle()
        #expect(harness.log.walkedCount == 100)
        let frames = client.read()
        let replies = frames.filter { $0.text.hasPrefix(#"{"type":"subscribed""#) }
        // Each is answered; only the last one's history was looked at.
        #expect(replies.count == 1_000 && replies.count { $0.text.contains("recovered") } == 1)
        #expect(frames.compactMap(\.eventSequence) == Array(1...100))

        let gone = try harness.connect()
        for _ in 0..<1_000 { try subscribe(gone, after: 0) }
        harness.commitRegistry()
        harness.runOffloaded()
        #expect(harness.log.walkedCount == 110)
        try gone.channel.close().wait()
        #expect(harness.waitingCount == 0)
        harness.settle()
        #expect(harness.log.walkedCount == 110)
        #expect(harness.loop?.subscribers.underWay.catchUps == 0 && harness.loop?.subscribers.underWay.subscribes == 0)
    }

    @Test("isn't read for its next message while as many subscribes wait as may")
    func subscribesInFlight() throws {
        let harness = WebSocketHarness { $0.subscribesInFlight = 2 }
        let client = try harness.connect()
        let handler = try #require(harness.loop?.subscribers.members.table.all.first as? WebSocketConnectionHandler)
        for expected in [true, true, false, false] {
            #expect(handler.mayRead == expected)
            try subscribe(client, after: 0)
        }
        harness.commitRegistry()
        harness.settle()
        #expect(handler.mayRead)
    }
}
