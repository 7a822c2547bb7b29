import ChangeQueue
import DeliveryLink
import FanOut
import NIOCore
import NIOEmbedded
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

@Suite("Subscribe barrier")
struct SubscribeBarrierTests {
    private func topic(_ name: String) -> Topic { Topic(alreadyChecked: name) }

    @Test("answers after the registry's commit, with the newest number")
    func barrier() throws {
        let harness = WebSocketHarness()
        harness.log.append(topic("a"))
        let client = try harness.connect()
        _ = client.read()
        try client.send(#"{"action":"subscribe","id":"1","topics":["b","a"]}"#)
        #expect(client.read().isEmpty)
        harness.log.append(topic("a"))
        harness.commitRegistry()
        #expect(
            client.texts() == [
                #"{"type":"subscribed","id":"1","topics":[{"topic":"b","sequence":0},{"topic":"a","sequence":2}],"epoch":"\#(LogModel.epoch)"}"#
            ]
        )
        harness.deliver(harness.log.append(topic("a"), #"{"n":1}"#))
        #expect(
            client.texts() == [
                #"{"type":"event","topic":"a","sequence":3,"previous":2,"contentType":"application/json","data":{"n":1}}"#
            ]
        )
    }

    @Test("sends nothing of a topic before the reply, and everything above its number after it")
    func order() throws {
        let harness = WebSocketHarness()
        let first = try harness.connectSubscribed(to: "a")
        let second = try harness.connect()
        _ = second.read()
        try second.send(#"{"action":"subscribe","id":"1","topics":["a"]}"#)
        harness.deliver(harness.log.append(topic("a")))
        #expect(first.sequences() == [1])
        #expect(second.read().isEmpty)
        harness.commitRegistry()
        harness.deliver(harness.log.append(topic("a")))
        let texts = second.texts()
        #expect(texts.first?.hasPrefix(#"{"type":"subscribed""#) == true)
        #expect(texts.count == 2 && texts[1].contains(#""sequence":2"#))
        #expect(first.sequences() == [2])
    }

    @Test("skips records below the barrier that are delivered late")
    func late() throws {
        let harness = WebSocketHarness()
        let early = try harness.connectSubscribed(to: "a")
        let record = harness.log.append(topic("a"))
        let late = try harness.connectSubscribed(to: "a")
        harness.deliver(record, harness.log.append(topic("a")))
        #expect(early.sequences() == [1, 2])
        #expect(late.sequences() == [2])
    }

    @Test("tells a failed registry or log and leaves nothing behind")
    func failure() throws {
        let harness = WebSocketHarness()
        let client = try harness.connect()
        _ = client.read()
        try client.send(#"{"action":"subscribe","id":"1","topics":["a"]}"#)
        harness.commitRegistry(failing: APIError(.storageFailed, "disk"))
        #expect(client.texts() == [#"{"type":"error","id":"1","code":"StorageFailed","message":"disk"}"#])
        try client.send(#"{"action":"subscribe","id":"2","topics":["a"]}"#)
        harness.log.fail(ChangeQueueError(.corruptRecord, "bad"))
        harness.commitRegistry()
        #expect(client.texts() == [#"{"type":"error","id":"2","code":"StorageFailed","message":"bad"}"#])
        #expect(harness.loop?.subscribers.underWay.topics == 0)
        #expect(harness.registry.events.suffix(1) == ["unsubscribe a"])
    }

    @Test("unsubscribes, and answers in the order of the requests")
    func unsubscribe() throws {
        let harness = WebSocketHarness()
        let client = try harness.connect()
        _ = client.read()
        try client.send(#"{"action":"subscribe","id":"1","topics":["a","b"]}"#)
        try client.send(#"{"action":"unsubscribe","id":"2","topics":["a"]}"#)
        harness.commitRegistry()
        #expect(
            client.texts().map { $0.prefix(30) } == [
                #"{"type":"subscribed","id":"1","#, #"{"type":"unsubscribed","id":"2"#,
            ]
        )
        harness.deliver(harness.log.append(topic("a")), harness.log.append(topic("b")))
        #expect(client.sequences() == [2])
        try client.send(#"{"action":"unsubscribe","id":"3","topics":["b","never"]}"#)
        #expect(client.texts() == [#"{"type":"unsubscribed","id":"3","topics":["b","never"]}"#])
        #expect(harness.loop?.subscribers.underWay.topics == 0)
    }

    @Test("subscribes again without starting over")
    func again() throws {
        let harness = WebSocketHarness()
        let client = try harness.connectSubscribed(to: "a")
        harness.deliver(harness.log.append(topic("a")))
        try client.send(#"{"action":"subscribe","topics":["a"]}"#)
        harness.deliver(harness.log.append(topic("a")))
        harness.commitRegistry()
        harness.deliver(harness.log.append(topic("a")))
        #expect(client.sequences() == [1, 2, 3])
    }

    @Test("limits the subscriptions of a connection")
    func limit() throws {
        let harness = WebSocketHarness { $0.subscriptionsPerConnection = 2 }
        let client = try harness.connectSubscribed(to: "a")
        try client.send(#"{"action":"subscribe","id":"1","topics":["b","c"]}"#)
        #expect(client.texts().first?.contains("TooManySubscriptions") == true)
        try client.send(#"{"action":"subscribe","id":"2","topics":["a","b"]}"#)
        harness.commitRegistry()
        #expect(client.texts().first?.hasPrefix(#"{"type":"subscribed","id":"2""#) == true)
    }

    @Test("forgets a subscribe whose client has gone")
    func gone() throws {
        let harness = WebSocketHarness()
        let client = try harness.connect()
        try client.send(#"{"action":"subscribe","topics":["a"]}"#)
        try client.channel.close().wait()
        harness.eventLoop.run()
        harness.commitRegistry()
        #expect(harness.loop?.subscribers.underWay.topics == 0)
        #expect(harness.loop?.subscribers.underWay.subscribes == 0)
        #expect(harness.deliver(harness.log.append(topic("a"))).map(\.sockets) == [0])
    }

    @Test("asks the authorizer for each topic, at once where it can, and keeps the order where it can't")
    func authorization() throws {
        let pattern = try TopicPattern("orders/#")
        let grant = Grant(subscribe: [pattern], publish: [pattern], asksFor: [.subscribe])
        let harness = WebSocketHarness(authorizer: FixedAuthorizer(grant))
        let client = try harness.connectAsynchronously()
        _ = client.read()
        try client.send(#"{"action":"publish","id":"1","topic":"users","data":1}"#)
        #expect(client.texts().first?.contains(#""id":"1","code":"Forbidden""#) == true)
        try client.send(#"{"action":"subscribe","id":"2","topics":["orders/1","users"]}"#)
        try client.send(#"{"action":"ping","id":"3"}"#)
        #expect(client.texts().isEmpty)
        harness.runTasks()
        let texts = client.texts()
        #expect(texts.count == 2 && texts[0].contains(#""id":"2","code":"Forbidden""#))
        #expect(texts.last == #"{"type":"pong","id":"3"}"#)
        try client.send(#"{"action":"subscribe","id":"4","topics":["open/1"]}"#)
        harness.runTasks()
        harness.commitRegistry()
        #expect(
            client.texts() == [
                #"{"type":"subscribed","id":"4","topics":[{"topic":"open/1","sequence":0}],"epoch":"\#(LogModel.epoch)"}"#
            ]
        )
    }
}
