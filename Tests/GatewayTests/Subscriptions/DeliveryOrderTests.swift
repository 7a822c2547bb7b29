import NIOCore
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

/// Goal: every subscriber sees each record of its topics above its barrier exactly once and in order, whatever the publishers do.
/// Method: random appends; deliveries reordered, repeated and left out; clients that come, resume, leave and unsubscribe at random; a naive
/// model (the log itself) says what each subscription must have seen. The last record of each topic is always delivered.
@Suite("Delivery order")
struct DeliveryOrderTests {
    private struct Model {
        var client: WebSocketClient
        var from: [Topic: UInt64] = [:]
        var seen: [Topic: [UInt64]] = [:]
    }

    @Test("reaches every subscriber exactly once and in order", arguments: 0..<30)
    func random(round: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        print("DeliveryOrderTests round \(round) seed \(seed)")
        try run(seed: seed)
    }

    @Test("holds for seeds that failed once", arguments: [1, 2, 3] as [UInt64])
    func known(seed: UInt64) throws { try run(seed: seed) }

    private func run(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let harness = WebSocketHarness {
            $0.holeRecords = 4
            $0.resumeSliceBytes = 300
        }
        let topics = (0..<3).map { Topic(alreadyChecked: "t\($0)") }
        var models: [Model] = []
        var appended: [ChangeRecord] = []
        for _ in 0..<300 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0 where models.count < 8: models.append(Model(client: try harness.connect()))
            case 1 where !models.isEmpty:
                let place = Int.random(in: 0..<models.count, using: &random)
                try subscribe(&models[place], topics[Int.random(in: 0..<3, using: &random)], &random, appended)
            case 2: harness.commitRegistry()
            case 3: harness.runOffloaded()
            case 4 where !models.isEmpty:
                if Int.random(in: 0..<8, using: &random) == 0 {
                    let gone = models.remove(at: Int.random(in: 0..<models.count, using: &random))
                    try gone.client.channel.close().wait()
                }
            case 5...8: appended.append(harness.log.append(topics[Int.random(in: 0..<3, using: &random)]))
            default:
                // A publisher's turn: some of the latest records, shuffled, some of them twice, some never.
                let latest = appended.suffix(Int.random(in: 1...9, using: &random))
                harness.deliver(
                    latest.filter { _ in Int.random(in: 0..<4, using: &random) > 0 }.shuffled(using: &random)
                )
            }
            for place in models.indices { try note(&models[place]) }
        }
        try finish(harness, topics, &models, &appended)
    }

    private func subscribe(
        _ model: inout Model,
        _ topic: Topic,
        _ random: inout SeededGenerator,
        _ appended: [ChangeRecord]
    ) throws {
        guard model.from[topic] == nil else { return }
        if Bool.random(using: &random) {
            let after = UInt64.random(in: 0...UInt64(appended.count), using: &random)
            model.from[topic] = after
            try model.client.send(#"{"action":"subscribe","topics":["\#(topic)"],"after":{"\#(topic)":\#(after)}}"#)
        } else {
            model.from[topic] = .max
            try model.client.send(#"{"action":"subscribe","topics":["\#(topic)"]}"#)
        }
    }

    /// Reads what has come; a plain subscription's barrier is known with its reply.
    private func note(_ model: inout Model) throws {
        for frame in model.client.read() {
            let message = try JSONValue(frame.payload)
            switch message["type"]?.string {
            case "subscribed":
                for entry in message["topics"]?.elements ?? [] {
                    let topic = Topic(alreadyChecked: entry["topic"]?.string ?? "")
                    if model.from[topic] == .max { model.from[topic] = entry["sequence"]?.unsignedInteger }
                    #expect(model.seen[topic] == nil, "an event came before its reply")
                }
            case "event":
                let topic = Topic(alreadyChecked: message["topic"]?.string ?? "")
                #expect(model.from[topic] != nil && model.from[topic] != .max, "an event came before its reply")
                model.seen[topic, default: []].append(message["sequence"]?.unsignedInteger ?? 0)
            case "connected": continue
            default: Issue.record("unexpected: \(frame.text)")
            }
        }
    }

    private func finish(
        _ harness: WebSocketHarness,
        _ topics: [Topic],
        _ models: inout [Model],
        _ appended: inout [ChangeRecord]
    ) throws {
        harness.commitRegistry()
        harness.settle()
        for topic in topics {
            let last = harness.log.append(topic)
            appended.append(last)
            harness.deliver(last)
            harness.settle()
        }
        for place in models.indices {
            try note(&models[place])
            for (topic, from) in models[place].from {
                let expected = appended.filter { $0.topic == topic && $0.sequence.rawValue > from }.map(
                    \.sequence.rawValue
                )
                #expect(models[place].seen[topic] ?? [] == expected, "\(topic) after \(from)")
            }
        }
    }
}
