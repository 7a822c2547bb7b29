import LMDB
import QueueEngine
import SluiceCore

/// The topics' part of a commit: everything but publishes.
struct TopicTransaction {
    let stored: MessageTransaction
    private let (databases, queues): (LogDatabases, Database)

    /// Topics that there may be: each of them is an entry that is read with each publish, and names are from outside.
    static let maximumTopics: UInt64 = 10_000
    /// Subscriptions of one topic: a publish goes to all of them in one transaction, which holds up all other commits meanwhile.
    static let maximumSubscriptions: UInt64 = 10_000
    /// Subscriptions of all topics together: those over HTTP are looked at each second.
    static let maximumAllSubscriptions: UInt64 = 100_000
    /// How long a subscription may be confirmed (API reference, "ConfirmSubscription": tokens last two days), nanoseconds.
    static let confirmationNanoseconds: UInt64 = 2 * 86_400 * 1_000_000_000
    /// Keys of a subscription: its own, and the one that finds it by its endpoint.
    private static let keys: UInt64 = 2
    /// Further ones of a subscription over HTTP: its queue's two, and the one that finds it by its queue.
    private static let furtherKeysOfHTTP: UInt64 = 3

    init(_ stored: MessageTransaction) {
        self.stored = stored
        (databases, queues) = (stored.databases, stored.queues)
    }

    func existing(_ name: TopicName, in transaction: borrowing WriteTransaction) throws -> MessageTopic {
        guard let topic = try transaction.messageTopic(name, databases) else {
            throw QueueError(.noSuchTopic, "There is no topic \(name).")
        }
        return topic
    }

    // MARK: - Topics

    func create(
        _ name: TopicName,
        _ values: [(name: ByteString, value: String)],
        _ now: UInt64,
        in transaction: borrowing WriteTransaction
    ) throws -> MessageTopic {
        var attributes = MessageTopic.Attributes()
        if let topic = try transaction.messageTopic(name, databases) {
            attributes = topic.attributes
            try attributes.set(values)
            guard attributes == topic.attributes else {
                throw QueueError(.invalidAttribute, "The topic \(name) exists and has other attributes.")
            }
            return topic
        }
        try attributes.set(values)
        try attributes.check(name)
        var counters = try transaction.topicCounters(databases)
        guard counters.topics < TopicTransaction.maximumTopics, let number = UInt32(exactly: counters.lastNumber + 1)
        else {
            throw QueueError(
                .overLimit,
                "There are \(TopicTransaction.maximumTopics) topics, the most that there may be. Delete some."
            )
        }
        counters.lastNumber += 1
        counters.topics += 1
        counters.keys += 1
        let topic = MessageTopic(name: name, number: number, attributes: attributes, createdAtNanoseconds: now)
        try put(topic, in: transaction)
        try put(counters, in: transaction)
        return topic
    }

    func configure(
        _ name: TopicName,
        _ values: [(name: ByteString, value: String)],
        in transaction: borrowing WriteTransaction
    ) throws -> MessageTopic {
        var topic = try existing(name, in: transaction)
        try topic.attributes.set(values)
        try topic.attributes.check(name)
        try put(topic, in: transaction)
        return topic
    }

    /// - Returns: the numbers of subscriptions' queues.
    func delete(_ name: TopicName, in transaction: borrowing WriteTransaction) throws -> [UInt32] {
        guard var topic = try transaction.messageTopic(name, databases) else { return [] }
        var found: [TopicSubscription] = []
        try transaction.forEachSubscription(of: topic, databases) { subscription in
            found.append(subscription)
            return true
        }
        var counters = try transaction.topicCounters(databases)
        for subscription in found { try remove(subscription, &topic, &counters, in: transaction) }
        try transaction.delete(queues, TopicCatalogue.topicKey(name))
        counters.topics -= min(counters.topics, 1)
        counters.keys -= min(counters.keys, 1)
        try put(counters, in: transaction)
        return found.compactMap(\.queueNumber)
    }

    // MARK: - Subscriptions

    func subscribe(
        _ name: TopicName,
        _ kind: SubscriptionProtocol,
        _ endpoint: String,
        _ values: [(name: ByteString, value: String)],
        _ now: UInt64,
        in transaction: borrowing WriteTransaction
    ) throws -> TopicSubscription {
        try TopicSubscription.check(endpoint, of: kind, in: name)
        var topic = try existing(name, in: transaction)
        if let same = try present(topic, kind, endpoint, in: transaction) {
            return try again(same, values, now, in: transaction)
        }
        var attributes = TopicSubscription.Attributes()
        try attributes.set(values, of: kind)
        try TopicSubscription.check(attributes, in: name)
        var counters = try transaction.topicCounters(databases)
        try makePlace(&topic, &counters, now, in: transaction)
        var subscription = TopicSubscription(
            topic: name,
            protocol: kind,
            endpoint: endpoint,
            attributes: attributes,
            state: .confirmed,
            createdAtNanoseconds: now
        )
        if kind.isDeliveredOverHTTP {
            subscription.state = .pendingConfirmation
            subscription.token = ByteString(TopicTransaction.token(of: subscription.id))
        }
        counters.keys += TopicTransaction.keys
        if kind.isDeliveredOverHTTP { try makeQueue(of: &subscription, &counters, now, in: transaction) }
        if kind.isDeliveredOverHTTP { topic.pending += 1 } else { topic.confirmed += 1 }
        counters.subscriptions += 1
        try transaction.put(queues, TopicCatalogue.endpointKey(topic.number, kind, endpoint), subscription.id.bytes)
        try put(subscription, &topic, in: transaction)
        try put(counters, in: transaction)
        return subscription
    }

    /// The subscription that an endpoint has already; nil when it has none.
    private func present(
        _ topic: MessageTopic,
        _ kind: SubscriptionProtocol,
        _ endpoint: String,
        in transaction: borrowing WriteTransaction
    ) throws -> TopicSubscription? {
        let key = TopicCatalogue.endpointKey(topic.number, kind, endpoint)
        guard let id = try transaction.get(queues, key, { MessageID(bytes: $0.copied) }) ?? nil,
            let found = try transaction.subscription(id, of: topic, databases)
        else { return nil }
        return found.protocol == kind && ByteString(found.endpoint) == ByteString(endpoint) ? found : nil
    }

    /// Removes, at the limit, subscriptions that nobody has confirmed in time.
    /// - Throws: ``QueueError``, `overLimit`, when there is no place for another one.
    private func makePlace(
        _ topic: inout MessageTopic,
        _ counters: inout TopicCounters,
        _ now: UInt64,
        in transaction: borrowing WriteTransaction
    ) throws {
        func isFull() -> Bool {
            topic.confirmed + topic.pending >= TopicTransaction.maximumSubscriptions
                || counters.subscriptions >= TopicTransaction.maximumAllSubscriptions
        }
        guard isFull() else { return }
        var lapsed: [TopicSubscription] = []
        try transaction.forEachSubscription(of: topic, databases) { subscription in
            if TopicTransaction.isLapsed(subscription, now) { lapsed.append(subscription) }
            return true
        }
        for one in lapsed { try remove(one, &topic, &counters, in: transaction) }
        guard isFull() else { return }
        throw QueueError(
            .overLimit,
            """
            A topic has at most \(TopicTransaction.maximumSubscriptions) subscriptions, and all topics together have \
            \(TopicTransaction.maximumAllSubscriptions). Remove some.
            """
        )
    }

    /// One that is there: its confirmation is sent again while it is pending.
    private func again(
        _ same: TopicSubscription,
        _ values: [(name: ByteString, value: String)],
        _ now: UInt64,
        in transaction: borrowing WriteTransaction
    ) throws -> TopicSubscription {
        var attributes = same.attributes
        try attributes.set(values, of: same.protocol)
        guard attributes.values.elementsEqual(same.attributes.values, by: { $0 == $1 }) else {
            throw QueueError(
                .invalidAttribute,
                "The endpoint is subscribed already, with other attributes: set those of \(same.arn)."
            )
        }
        try sendConfirmation(of: same, now, in: transaction)
        return same
    }

    private static func isLapsed(_ subscription: TopicSubscription, _ now: UInt64) -> Bool {
        guard subscription.state == .pendingConfirmation else { return false }
        return now > subscription.createdAtNanoseconds.saturatingAdd(confirmationNanoseconds)
    }

    /// The subscription's id, by which it is found, and 128 random bits behind it, in hexadecimal.
    private static func token(of id: MessageID) -> String {
        [id, .random()].flatMap { $0.description.utf8.split(separator: UInt8(ascii: "-")) }
            .map { String(decoding: $0, as: UTF8.self) }.joined()
    }

    /// The subscription that a token is of, by the token alone.
    private static func subscription(ofToken token: String) -> MessageID? {
        let digits = Array(token.utf8.prefix(32)).map { String(decoding: [$0], as: UTF8.self) }
        guard digits.count == 32 else { return nil }
        let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { digits[$0].joined() }
        return MessageID(ByteString(parts.joined(separator: "-")))
    }

    /// Its own queue, in which its messages wait until they are delivered, the confirmation first.
    private func makeQueue(
        of subscription: inout TopicSubscription,
        _ counters: inout TopicCounters,
        _ now: UInt64,
        in transaction: borrowing WriteTransaction
    ) throws {
        // Before its entry is made: what is counted of topics isn't a queue.
        counters.keys += TopicTransaction.furtherKeysOfHTTP
        let values: [(name: ByteString, value: String)] = [("MessageRetentionPeriod", "1209600")]
        let number = try stored.create(subscription.queueID, values, [], now, in: transaction).number
        subscription.queueNumber = number
        try transaction.put(queues, TopicCatalogue.deliveryKey(number), TopicCatalogue.deliveryValue(subscription))
        try sendConfirmation(of: subscription, now, in: transaction)
    }

    private func sendConfirmation(
        of subscription: TopicSubscription,
        _ now: UInt64,
        in transaction: borrowing WriteTransaction
    ) throws {
        guard subscription.state == .pendingConfirmation, let token = subscription.token,
            let queue = subscription.ownQueue
        else { return }
        let message = TopicMessage.confirmation(of: subscription, token: token.string, nowNanoseconds: now)
        _ = try stored.append([message], to: queue, in: transaction)
    }

    func confirm(
        _ name: TopicName,
        _ key: ConfirmationKey,
        _ now: UInt64,
        in transaction: borrowing WriteTransaction
    ) throws -> TopicSubscription {
        var topic = try existing(name, in: transaction)
        var wanted: (id: MessageID?, token: ByteString?)
        switch key {
        case .id(let id): wanted = (id, nil)
        case .token(let token): wanted = (TopicTransaction.subscription(ofToken: token), ByteString(token))
        }
        let found = try wanted.id.flatMap { try transaction.subscription($0, of: topic, databases) }
        guard var subscription = found, !TopicTransaction.isLapsed(subscription, now),
            wanted.token == nil || subscription.token == wanted.token
        else {
            throw QueueError(
                .invalidHandle,
                "The token is none of a subscription of \(name), or older than two days: subscribe again."
            )
        }
        guard subscription.state != .confirmed else { return subscription }
        subscription.state = .confirmed
        topic.pending -= min(topic.pending, 1)
        topic.confirmed += 1
        try put(subscription, &topic, in: transaction)
        return subscription
    }

    func configureSubscription(
        _ name: TopicName,
        _ id: MessageID,
        _ values: [(name: ByteString, value: String)],
        in transaction: borrowing WriteTransaction
    ) throws -> TopicSubscription {
        var topic = try existing(name, in: transaction)
        guard var subscription = try transaction.subscription(id, of: topic, databases) else {
            throw QueueError(.noSuchTopic, "The topic \(name) has no subscription \(id).")
        }
        try subscription.attributes.set(values, of: subscription.protocol)
        try TopicSubscription.check(subscription.attributes, in: name)
        try put(subscription, &topic, in: transaction)
        return subscription
    }

    /// - Returns: the number of its queue.
    func unsubscribe(_ name: TopicName, _ id: MessageID, in transaction: borrowing WriteTransaction) throws -> [UInt32]
    {
        guard var topic = try transaction.messageTopic(name, databases),
            let subscription = try transaction.subscription(id, of: topic, databases)
        else { return [] }
        var counters = try transaction.topicCounters(databases)
        try remove(subscription, &topic, &counters, in: transaction)
        try put(topic, in: transaction)
        try put(counters, in: transaction)
        return [subscription.queueNumber].compactMap { $0 }
    }

    private func remove(
        _ subscription: TopicSubscription,
        _ topic: inout MessageTopic,
        _ counters: inout TopicCounters,
        in transaction: borrowing WriteTransaction
    ) throws {
        try transaction.delete(queues, TopicCatalogue.subscriptionKey(topic.number, subscription.id))
        let endpoint = TopicCatalogue.endpointKey(topic.number, subscription.protocol, subscription.endpoint)
        try transaction.delete(queues, endpoint)
        if let queue = subscription.queueNumber {
            try transaction.delete(queues, TopicCatalogue.deliveryKey(queue))
            try transaction.delete(queues, Array(subscription.queueID.name.utf8))
            try transaction.put(queues, QueueCatalogue.discardKey(queue), UInt64(0))
        }
        let further = subscription.queueNumber == nil ? 0 : TopicTransaction.furtherKeysOfHTTP
        let keys = TopicTransaction.keys + further
        counters.keys -= min(counters.keys, keys)
        counters.subscriptions -= min(counters.subscriptions, 1)
        if subscription.state == .confirmed {
            topic.confirmed -= min(topic.confirmed, 1)
        } else {
            topic.pending -= min(topic.pending, 1)
        }
        topic.deleted += 1
        topic.revision = .random(in: .min ... .max)
    }

    // MARK: - Entries

    private func put(
        _ subscription: TopicSubscription,
        _ topic: inout MessageTopic,
        in transaction: borrowing WriteTransaction
    ) throws {
        topic.revision = .random(in: .min ... .max)
        let key = TopicCatalogue.subscriptionKey(topic.number, subscription.id)
        try transaction.put(queues, key, subscription.json)
        try put(topic, in: transaction)
    }

    func put(_ topic: MessageTopic, in transaction: borrowing WriteTransaction) throws {
        try transaction.put(queues, TopicCatalogue.topicKey(topic.name), topic.json)
    }

    private func put(_ counters: TopicCounters, in transaction: borrowing WriteTransaction) throws {
        try transaction.put(queues, TopicCatalogue.counters, counters.bytes)
    }
}
