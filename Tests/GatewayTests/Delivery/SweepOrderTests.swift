import DeliveryLink
import NIOCore
import NIOEmbedded
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

/// Goal: as in ``DeliveryOrderTests``, with so many subscribers that a fan-out takes several turns.
/// Method: between the turns clients leave, unsubscribe and come back, records come, repeated or with holes, everything catches up, time
/// passes; each delivery must be answered once.
@Suite("Delivery order of sweeps")
struct SweepOrderTests {
    private final class Subscriber {
        let client: WebSocketClient
        var isOpen = true
        /// By topic, the number that it gets everything after; nil when that isn't known yet.
        var from: [Topic: UInt64?] = [:]
        var seen: [Topic: [UInt64]] = [:]

        init(_ client: WebSocketClient) { self.client = client }

        func note() throws {
            for frame in client.read() {
                let message = try JSONValue(frame.payload)
                switch message["type"]?.string {
                case "subscribed":
                    for entry in message["topics"]?.elements ?? [] {
                        let topic = Topic(alreadyChecked: entry["topic"]?.string ?? "")
                        if from[topic] == .some(nil) { from[topic] = entry["sequence"]?.unsignedInteger }
                    }
                case "event":
                    let topic = Topic(alreadyChecked: message["topic"]?.string ?? "")
                    #expect((from[topic] ?? nil) != nil, "an event of a topic that isn't subscribed")
                    seen[topic, default: []].append(message["sequence"]?.unsignedInteger ?? 0)
                default: continue
                }
            }
        }
    }

    @Test("reaches every subscriber exactly once and in order", arguments: 0..<6)
    func random(round: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        print("SweepOrderTests round \(round) seed \(seed)")
        try run(seed: seed)
    }

    private func run(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let harness = WebSocketHarness { $0.holeRecords = 3 }
        let topics = (0..<3).map { Topic(alreadyChecked: "t\($0)") }
        let subscribers = try (0..<170).map { _ in Subscriber(try harness.connect()) }
        for (place, subscriber) in subscribers.enumerated() {
            for topic in topics.prefix(place % 4 == 3 ? 3 : place % 2 + 1) { try subscribe(subscriber, topic) }
        }
        harness.commitRegistry()
        var appended: [ChangeRecord] = []
        var answered: [UInt64] = []
        for _ in 0..<160 {
            let subscriber = subscribers[Int.random(in: 0..<subscribers.count, using: &random)]
            let topic = topics[Int.random(in: 0..<3, using: &random)]
            switch Int.random(in: 0..<24, using: &random) {
            case 0 where subscriber.isOpen:
                subscriber.isOpen = false
                try subscriber.client.channel.close().wait()
            case 1...3 where subscriber.isOpen && subscriber.from[topic] != nil:
                try subscriber.client.send(#"{"action":"unsubscribe","topics":["\#(topic)"]}"#)
                try subscriber.note()
                try check(subscriber, topic, appended, isWhole: false)
                subscriber.from[topic] = nil
            case 1...5 where subscriber.isOpen && subscriber.from[topic] == nil:
                let after = UInt64.random(in: 0...UInt64(appended.count), using: &random)
                try subscribe(subscriber, topic, after: Bool.random(using: &random) ? after : nil)
            case 6: harness.commitRegistry()
            case 7: harness.runOffloaded()
            case 8 where Int.random(in: 0..<3, using: &random) == 0:
                harness.fanOut.catchUpEverything()
                harness.eventLoop.run()
            case 9...12: answered += harness.turnSweeps().map(\.deliveryID)
            case 13...14: harness.clock.advance(.random(in: 0...9_000_000, using: &random))
            case 15: harness.eventLoop.advanceTime(by: .milliseconds(2))
            default:
                appended.append(harness.log.append(topic))
                let latest = appended.suffix(Int.random(in: 1...3, using: &random))
                answered += harness.deliver(
                    latest.filter { _ in Int.random(in: 0..<5, using: &random) > 0 }.shuffled(using: &random)
                ).map(\.deliveryID)
            }
            answered += harness.takeReceipts().map(\.deliveryID)
        }
        for topic in topics {
            harness.commitRegistry()
            harness.settle()
            appended.append(harness.log.append(topic))
            answered += harness.deliver(appended.suffix(1)).map(\.deliveryID)
            answered += harness.finishSweeps().map(\.deliveryID)
            harness.settle()
        }
        #expect(answered.sorted() == Array(1..<harness.deliveries + 1))
        for subscriber in subscribers where subscriber.isOpen {
            try subscriber.note()
            for topic in subscriber.from.keys { try check(subscriber, topic, appended, isWhole: true) }
        }
    }

    private func subscribe(_ subscriber: Subscriber, _ topic: Topic, after: UInt64? = nil) throws {
        try subscriber.note()
        subscriber.from[topic] = .some(after)
        subscriber.seen[topic] = nil
        let resume = after.map { #","after":{"\#(topic)":\#($0)}"# } ?? ""
        try subscriber.client.send(#"{"action":"subscribe","topics":["\#(topic)"]\#(resume)}"#)
    }

    private func check(_ subscriber: Subscriber, _ topic: Topic, _ appended: [ChangeRecord], isWhole: Bool) throws {
        guard let from = subscriber.from[topic] ?? nil else { return #expect(!isWhole, "never answered") }
        let seen = subscriber.seen[topic] ?? []
        let expected = appended.filter { $0.topic == topic && $0.sequence.rawValue > from }.map(\.sequence.rawValue)
        #expect(seen == (isWhole ? expected : Array(expected.prefix(seen.count))), "\(topic) after \(from)")
    }
}
