import LMDB
import PosixSupport
import QueueEngine
import SluiceCore

/// The keys of topics in the `queues` database; docs/storage.md describes them.
///
/// No queue's name has a byte below `-`, so that none of them is one.
enum TopicCatalogue {
    /// Under what the counters of all topics stand.
    static let counters = "!topics"
    /// Before the names of topics.
    private static let topics: [UInt8] = Array("%".utf8)
    /// Before a topic's number and the ids of its subscriptions.
    private static let subscriptions: [UInt8] = Array("&".utf8)
    /// Before the numbers of queues that are subscriptions' own.
    private static let deliveries: [UInt8] = Array("'".utf8)
    /// Before a topic's number and the hashes of its subscriptions' endpoints.
    private static let endpoints: [UInt8] = Array("(".utf8)

    /// Under what a topic stands.
    static func topicKey(_ name: TopicName) -> [UInt8] { topics + Array(name.name.utf8) }

    /// The first key of topics behind a name.
    static func topicKey(after name: TopicName?) -> [UInt8] { topics + (name.map { Array($0.name.utf8) + [0] } ?? []) }

    /// The topic of a key; nil for another key.
    static func topic(of key: [UInt8]) -> TopicName? {
        guard key.starts(with: topics) else { return nil }
        return TopicName(alreadyChecked: String(decoding: key.dropFirst(topics.count), as: UTF8.self))
    }

    /// Under what a subscription stands.
    static func subscriptionKey(_ topic: UInt32, _ id: MessageID) -> [UInt8] {
        subscriptions + QueueCatalogue.bigEndian(topic) + id.bytes
    }

    /// The first key of a topic's subscriptions behind one.
    static func subscriptionKey(_ topic: UInt32, after id: MessageID?) -> [UInt8] {
        subscriptions + QueueCatalogue.bigEndian(topic) + (id.map { $0.bytes + [0] } ?? [])
    }

    /// The subscription of a key, if it is one of this topic.
    static func subscription(of key: [UInt8], in topic: UInt32) -> MessageID? {
        let prefix = subscriptions + QueueCatalogue.bigEndian(topic)
        guard key.starts(with: prefix) else { return nil }
        return MessageID(bytes: key.dropFirst(prefix.count))
    }

    /// Under what it stands whose queue this is: the subscription's id, then its topic's name.
    static func deliveryKey(_ queue: UInt32) -> [UInt8] { deliveries + QueueCatalogue.bigEndian(queue) }

    /// Under what it stands which subscription of a topic has an endpoint.
    ///
    /// By a hash: whoever looks compares the endpoint.
    static func endpointKey(_ topic: UInt32, _ kind: SubscriptionProtocol, _ endpoint: String) -> [UInt8] {
        let hash = FNV1a.hash("\(kind.rawValue) \(endpoint)".utf8)
        return endpoints + QueueCatalogue.bigEndian(topic) + QueueCatalogue.bigEndian(hash)
    }

    /// The first key that finds a subscription by its queue.
    static var firstDelivery: [UInt8] { deliveries }

    /// The queue of such a key; nil for another key.
    static func deliveryQueue(of key: [UInt8]) -> UInt32? {
        guard key.starts(with: deliveries), key.count == deliveries.count + 4 else { return nil }
        return key.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// What stands there.
    static func deliveryValue(_ subscription: TopicSubscription) -> [UInt8] {
        subscription.id.bytes + Array(subscription.topic.name.utf8)
    }

    /// Reads it.
    static func delivery(_ value: [UInt8]) -> (topic: TopicName, id: MessageID)? {
        guard let id = MessageID(bytes: value.prefix(16)) else { return nil }
        return (TopicName(alreadyChecked: String(decoding: value.dropFirst(16), as: UTF8.self)), id)
    }
}

/// What is counted of all topics together.
struct TopicCounters {
    /// The number that the newest topic got.
    var lastNumber: UInt64 = 0
    /// Topics.
    var topics: UInt64 = 0
    /// Subscriptions of all of them.
    var subscriptions: UInt64 = 0
    /// Keys of the database that are theirs, with those of subscriptions' queues.
    var keys: UInt64 = 0

    init() {}

    init?(_ bytes: RawSpan) {
        guard bytes.byteCount == 32 else { return nil }
        let numbers = (0..<4).map { index in
            UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
        }
        (lastNumber, topics, subscriptions, keys) = (numbers[0], numbers[1], numbers[2], numbers[3])
    }

    var bytes: [UInt8] {
        [lastNumber, topics, subscriptions, keys].flatMap { number in
            withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }
    }
}

extension Transaction where Self: ~Copyable {
    /// What is counted of all topics.
    func topicCounters(_ databases: LogDatabases) throws -> TopicCounters {
        guard let queues = databases.queues else { return TopicCounters() }
        return try get(queues, TopicCatalogue.counters) { TopicCounters($0) }.flatMap { $0 } ?? TopicCounters()
    }

    /// A topic; nil when there is none of the name.
    func messageTopic(_ name: TopicName, _ databases: LogDatabases) throws -> MessageTopic? {
        guard let queues = databases.queues else { return nil }
        let stored = try get(queues, TopicCatalogue.topicKey(name)) { $0.copied }
        return try stored.map { json in
            guard let topic = MessageTopic(name, json: json) else {
                throw QueueError(.storage, "The entry of the topic \(name) is damaged. Restore the log from a copy.")
            }
            return topic
        }
    }

    /// A topic's subscription; nil when there is none.
    func subscription(_ id: MessageID, of topic: MessageTopic, _ databases: LogDatabases) throws -> TopicSubscription? {
        guard let queues = databases.queues else { return nil }
        let stored = try get(queues, TopicCatalogue.subscriptionKey(topic.number, id)) { $0.copied }
        return try stored.map { json in
            guard let subscription = TopicSubscription(id, of: topic.name, json: json) else {
                throw QueueError(
                    .storage,
                    "The entry of the subscription \(id) of \(topic.name) is damaged. Restore the log from a copy."
                )
            }
            return subscription
        }
    }

    /// A topic's subscriptions in the order of their ids, until `body` returns false.
    ///
    /// One whose entry is damaged is left out: it is named when it is asked for.
    func forEachSubscription(
        of topic: MessageTopic,
        after id: MessageID? = nil,
        _ databases: LogDatabases,
        _ body: (TopicSubscription) throws -> Bool
    ) throws {
        guard let queues = databases.queues else { return }
        try withCursor(queues) { cursor in
            try cursor.forEach(from: TopicCatalogue.subscriptionKey(topic.number, after: id)) { key, value in
                guard let id = TopicCatalogue.subscription(of: key.copied, in: topic.number) else { return false }
                guard let found = TopicSubscription(id, of: topic.name, json: value.copied) else { return true }
                return try body(found)
            }
        }
    }
}

/// Subscriptions as they were read last, with their filters parsed: a publish looks them up once.
///
/// Used on the writer's thread only. A topic's revision is drawn anew with each change of its subscriptions, also of one that is undone.
final class SubscriptionCache {
    private var topics: [UInt32: (revision: UInt64, subscriptions: [TopicSubscription])] = [:]
    private var count = 0

    /// Subscriptions that are kept in memory.
    private static let maximumKept = 50_000

    /// A topic's subscriptions, from memory if they are still so.
    func subscriptions(
        of topic: MessageTopic,
        _ databases: LogDatabases,
        in transaction: borrowing WriteTransaction
    ) throws -> [TopicSubscription] {
        if let kept = topics[topic.number] {
            if kept.revision == topic.revision { return kept.subscriptions }
            count -= kept.subscriptions.count
            topics[topic.number] = nil
        }
        var read: [TopicSubscription] = []
        try transaction.forEachSubscription(of: topic, databases) { subscription in
            read.append(subscription)
            return true
        }
        if count + read.count > SubscriptionCache.maximumKept { (topics, count) = ([:], 0) }
        topics[topic.number] = (topic.revision, read)
        count += read.count
        return read
    }
}
