import NIOCore
import NIOEmbedded
import SluiceCore
import Synchronization
import TestSupport
import Testing

@testable import FanOut

/// Goal: every subscriber gets every record of its topics behind its reply exactly once and in order, whatever happens.
/// Method: random steps of publishers that deliver late, twice, out of order or not at all, of clients that come, resume, unsubscribe and go, and of
/// a log that is read when the dice say so; at the end a delivery of each topic and what the log holds are compared with what each has.
@Suite("Order of subscribers in memory")
struct SubscriberOrderTests {
    private final class Model {
        let subscriber: MemorySubscriber
        /// By topic, everything above this was promised; nil until the reply.
        var from: [String: UInt64] = [:]
        var seen: [String: [UInt64]] = [:]

        init(_ subscriber: MemorySubscriber) { self.subscriber = subscriber }

        func note() {
            for line in subscriber.read() {
                if line.hasPrefix("reply ") {
                    let word = line.dropFirst("reply ".count)
                    let parts = word.split(separator: "@")
                    let topic = String(parts[0])
                    if from[topic] == nil { from[topic] = UInt64(parts[1].prefix { $0.isNumber }) }
                } else {
                    let topic = String(line.prefix { $0 != "#" })
                    let number = UInt64(line.drop { $0 != "#" }.dropFirst().prefix { $0.isNumber }) ?? 0
                    seen[topic, default: []].append(number)
                }
            }
        }
    }

    @Test("exactly once and in order", arguments: 0..<20)
    func random(round: Int) {
        let seed = UInt64.random(in: .min ... .max)
        print("SubscriberOrderTests round \(round) seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let harness = FanOutHarness {
            $0.holeRecords = 3
            $0.visitsPerTurn = 4
        }
        let topics = ["a", "b", "c"]
        var models: [Model] = []
        var log: [ChangeRecord] = []
        var held: [ChangeRecord] = []
        for _ in 0..<400 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<3:
                let model = Model(harness.subscriber())
                models.append(model)
                let topic = topics.randomElement(using: &random) ?? "a"
                if Bool.random(using: &random) {
                    harness.subscribe(model.subscriber, topic)
                } else {
                    let after = UInt64.random(in: 0...UInt64(log.count), using: &random)
                    model.from[topic] = after
                    harness.subscribe(model.subscriber, topic, after: after)
                }
            case 3 where models.count > 3:
                let gone = models.remove(at: Int.random(in: 0..<models.count, using: &random))
                _ = harness.loop.remove(gone.subscriber)
            case 4..<7: harness.commit()
            case 7..<10: harness.readOnce()
            case 10..<16:
                let record = harness.append(topics.randomElement(using: &random) ?? "a", "\(log.count)")
                log.append(record)
                // Some come late, some never.
                switch Int.random(in: 0..<4, using: &random) {
                case 0: held.append(record)
                case 1: break
                default: harness.deliver(record)
                }
            case 16: if let again = log.randomElement(using: &random) { harness.deliver(again) }
            case 17 where !held.isEmpty:
                harness.deliver(held.remove(at: Int.random(in: 0..<held.count, using: &random)))
            case 18: harness.finish()
            default: harness.eventLoop.advanceTime(by: .microseconds(5))
            }
            for model in models { model.note() }
        }
        harness.commit()
        harness.settle()
        for topic in topics { harness.deliver(harness.append(topic, "last")) }
        harness.settle()
        harness.finish()
        let all = harness.around.state.withLock { $0.records }
        for model in models {
            model.note()
            for (topic, from) in model.from {
                let expected = all.filter { $0.topic.name == topic && $0.sequence.rawValue > from }.map(
                    \.sequence.rawValue
                )
                #expect(model.seen[topic] ?? [] == expected, "\(topic) after \(from)")
            }
        }
        #expect(harness.loop.underWay.sweeps == 0 && harness.loop.underWay.catchUps == 0)
    }
}
