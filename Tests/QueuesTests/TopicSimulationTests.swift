import Foundation
import LMDB
import SluiceCore
import TestSupport
import Testing

@testable import LMDBLog
@testable import QueueEngine
@testable import Queues

/// Goal: whatever is made, filtered, deleted and restarted in between, each queue has exactly the messages of the publishes that its subscriptions
/// took, each once, in their order. Method: random histories against a simple model. `SLUICE_HISTORIES=10000` runs as many.
@Suite("Topics against a model")
struct TopicSimulationTests {
    private static let histories = Int(ProcessInfo.processInfo.environment["SLUICE_HISTORIES"] ?? "") ?? 60

    @Test("hold over random histories with restarts")
    func random() async throws {
        let first = UInt64.random(in: .min ... .max)
        print("TopicSimulationTests.random first seed \(first), \(TopicSimulationTests.histories) histories")
        for number in 0..<TopicSimulationTests.histories { try await TopicHistory(seed: first &+ UInt64(number)).run() }
    }
}

/// One history.
private final class TopicHistory {
    private struct Subscription {
        let id: MessageID
        let endpoint: String
        let isHTTP: Bool
        var isConfirmed: Bool
        /// Takes prices above this one.
        var above: Int?
    }

    private let seed: UInt64
    private var random: SeededGenerator
    private let scratch: QueueScratch
    private let names = ["a", "b", "c"].map { TopicName(alreadyChecked: $0) }
    private let queueNames = ["p", "q", "r"]
    /// What is there, by topic.
    private var topics: [TopicName: [Subscription]] = [:]
    /// What each queue must have.
    private var queues: [String: [String]] = [:]
    /// What each subscription over HTTP must have behind its confirmation.
    private var deliveries: [MessageID: [String]] = [:]
    private var published = 0

    init(seed: UInt64) throws {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        scratch = try QueueScratch(isInMemory: true)
    }

    private var service: TopicService { scratch.topics }

    func run() async throws {
        for _ in 0..<80 {
            do throws(QueueError) { try await step() } catch { Issue.record("seed \(seed): \(error)") }
            if Int.random(in: 0..<25, using: &random) == 0 { try scratch.restart() }
        }
        try check()
        let counters = try scratch.topicKeys()
        // A queue is two keys; two more are counters.
        #expect(counters.present == counters.counted + queues.count * 2 + 2, "seed \(seed): \(counters)")
    }

    private func step() async throws(QueueError) {
        let name = names[Int.random(in: 0..<names.count, using: &random)]
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<12: try await create(name)
        case 12..<16: try await delete(name)
        case 16..<26: try await changeQueue()
        case 26..<46: try await subscribe(name)
        case 46..<54: try await confirm(name)
        case 54..<60: try await filter(name)
        case 60..<66: try await unsubscribe(name)
        default: try await publish(name)
        }
    }

    private func create(_ name: TopicName) async throws(QueueError) {
        _ = try await service.create(name, [])
        if topics[name] == nil { topics[name] = [] }
    }

    private func delete(_ name: TopicName) async throws(QueueError) {
        try await service.delete(name)
        for one in topics[name] ?? [] { deliveries[one.id] = nil }
        topics[name] = nil
    }

    private func changeQueue() async throws(QueueError) {
        let queue = queueNames[Int.random(in: 0..<3, using: &random)]
        let id = QueueID(alreadyChecked: queue)
        if queues[queue] == nil {
            _ = try await scratch.service.create(id, [], tags: [])
            queues[queue] = []
        } else if Bool.random(using: &random) {
            try await scratch.service.delete(id)
            queues[queue] = nil
        }
    }

    private func subscribe(_ name: TopicName) async throws(QueueError) {
        let isHTTP = Bool.random(using: &random)
        let endpoint =
            isHTTP
            ? "http://h/\(Int.random(in: 0..<3, using: &random))" : queueNames[Int.random(in: 0..<3, using: &random)]
        let above = Bool.random(using: &random) ? Int.random(in: 0..<10, using: &random) : nil
        let isThere = topics[name]?.contains { $0.endpoint == endpoint } ?? true
        let made: TopicSubscription
        do throws(QueueError) {
            made = try await service.subscribe(to: name, isHTTP ? .http : .sqs, endpoint: endpoint, values(above))
        } catch {
            // Of that endpoint with another filter, or no topic.
            #expect(isThere, "seed \(seed): \(error)")
            return
        }
        if let old = topics[name]?.first(where: { $0.endpoint == endpoint }) {
            #expect(old.id == made.id, "seed \(seed)")
            return
        }
        topics[name]?.append(
            Subscription(id: made.id, endpoint: endpoint, isHTTP: isHTTP, isConfirmed: !isHTTP, above: above)
        )
        if isHTTP { deliveries[made.id] = [] }
    }

    private func values(_ above: Int?) -> [(name: ByteString, value: String)] {
        let filter = above.map { #"{"price": [{"numeric": [">", \#($0)]}]}"# } ?? ""
        return [("RawMessageDelivery", "true"), ("FilterPolicy", filter)]
    }

    private func place(_ name: TopicName) -> Int? { topics[name]?.indices.randomElement(using: &random) }

    private func confirm(_ name: TopicName) async throws(QueueError) {
        guard let place = place(name), let one = topics[name]?[place] else { return }
        #expect(try await service.confirm(.id(one.id), of: name).state == .confirmed, "seed \(seed)")
        topics[name]?[place].isConfirmed = true
    }

    private func filter(_ name: TopicName) async throws(QueueError) {
        guard let place = place(name), let one = topics[name]?[place] else { return }
        let above = Int.random(in: 0..<10, using: &random)
        _ = try await service.set(values(above), of: one.id, in: name)
        topics[name]?[place].above = above
    }

    private func unsubscribe(_ name: TopicName) async throws(QueueError) {
        guard let place = place(name), let one = topics[name]?.remove(at: place) else { return }
        try await service.unsubscribe(one.id, from: name)
        deliveries[one.id] = nil
    }

    private func publish(_ name: TopicName) async throws(QueueError) {
        var sent: [(text: String, price: Int)] = []
        var messages: [TopicMessage] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            published += 1
            let price = Int.random(in: 0..<10, using: &random)
            sent.append(("m\(published)", price))
            let attribute = MessageAttribute(name: "price", type: "Number", value: .string("\(price)"))
            messages.append(
                try TopicMessage(
                    text: "m\(published)",
                    attributes: [attribute],
                    publishedAtNanoseconds: StageClock.wallNanoseconds()
                )
            )
        }
        guard let subscriptions = topics[name] else {
            await #expect(throws: QueueError.self, "seed \(seed)") { _ = try await service.publish(messages, to: name) }
            return
        }
        let publication = try await service.publish(messages, to: name)
        var dropped = 0
        for one in subscriptions where one.isConfirmed {
            let taken = sent.filter { $0.price > one.above ?? -1 }.map(\.text)
            if one.isHTTP {
                deliveries[one.id]? += taken
            } else if queues[one.endpoint] != nil {
                queues[one.endpoint]? += taken
            } else {
                dropped += taken.count
            }
        }
        #expect(publication.dropped == dropped, "seed \(seed)")
    }

    private func check() throws {
        for (name, expected) in queues {
            let found = try texts(QueueID(alreadyChecked: name))
            #expect(found == expected, "seed \(seed): \(name)")
        }
        for (id, expected) in deliveries {
            // Behind its confirmations, and in the envelope that is taken off when it is sent.
            let found = try texts(TopicSubscription.queueID(of: id)).compactMap { body -> String? in
                let value = try? JSONValue(Array(body.utf8))
                return value?["Token"] == nil ? value?["Message"]?.string : nil
            }
            #expect(found == expected, "seed \(seed): \(id)")
        }
        for name in names {
            let found = try scratch.store.topic(name).map {
                try service.subscriptions(of: $0.name, after: nil, maximum: 100)
            }
            #expect(found.map { Set($0.map(\.id)) } == topics[name].map { Set($0.map(\.id)) }, "seed \(seed): \(name)")
        }
    }

    private func texts(_ id: QueueID) throws -> [String] {
        guard let queue = try scratch.store.queue(id), let database = scratch.store.log.databases.messages else {
            return []
        }
        let ordinals = try scratch.store.ordinals(of: queue.number, through: .max, maximum: .max)
        return try scratch.store.log.environment.read { transaction in
            try ordinals.compactMap { ordinal in
                try transaction.get(database, QueueCatalogue.messageKey(queue.number, ordinal)) { bytes in
                    try bytes.withUnsafeBytes { try MessageCodec.decode($0).body }
                }
            }
        }
    }
}
