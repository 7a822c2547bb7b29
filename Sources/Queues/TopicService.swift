package import Logging
package import QueueEngine
package import SluiceCore
import Synchronization

/// Topics as their clients know them, over a ``TopicStore`` and the queues that their messages go to.
///
/// Any protocol may stand on it; it knows none.
package final class TopicService: Sendable {
    let store: any TopicStore
    /// The queues, whose receives are woken by a publish.
    package let queues: MessageQueueService
    private let logger: Logger
    private let deadLines = Mutex(LogRateLimit())
    private let onUndelivered: @Sendable (_ deadLetters: Int, _ dropped: Int) -> Void

    /// No queue has this number: who delivers over HTTP waits for it, and is woken by every publish that has something to deliver.
    static let deliveries: UInt32 = 0

    /// Offers the topics of a store.
    ///
    /// `onUndelivered`: told of messages that couldn't go to an endpoint, for a metric.
    package init(
        store: any TopicStore,
        queues: MessageQueueService,
        logger: Logger,
        onUndelivered: @escaping @Sendable (_ deadLetters: Int, _ dropped: Int) -> Void = { _, _ in }
    ) {
        self.store = store
        self.queues = queues
        self.logger = logger
        self.onUndelivered = onUndelivered
    }

    // MARK: - Topics

    /// The topic of a name.
    /// - Throws: ``QueueError``, `noSuchTopic`.
    package func topic(_ name: TopicName) throws(QueueError) -> MessageTopic {
        guard let topic = try store.topic(name) else { throw QueueError(.noSuchTopic, "There is no topic \(name).") }
        return topic
    }

    /// Topics in the order of their names, from behind `name`.
    package func topics(after name: TopicName?, maximum: Int) throws(QueueError) -> [MessageTopic] {
        try store.topics(after: name, maximum: maximum)
    }

    /// Makes a topic with attributes by AWS's names; one that is there and has these is left as it is.
    package func create(
        _ name: TopicName,
        _ values: [(name: ByteString, value: String)]
    ) async throws(QueueError) -> MessageTopic {
        guard case .topic(let topic) = try await commit(.create(name, values)) else { throw noAnswer }
        return topic
    }

    /// Sets attributes by AWS's names.
    package func set(
        _ values: [(name: ByteString, value: String)],
        of name: TopicName
    ) async throws(QueueError) -> MessageTopic {
        guard case .topic(let topic) = try await commit(.configure(name, values)) else { throw noAnswer }
        return topic
    }

    /// Removes a topic with its subscriptions and what waits for them; one that isn't there isn't missed.
    package func delete(_ name: TopicName) async throws(QueueError) { try await removing(.delete(name)) }

    // MARK: - Subscriptions

    /// A subscription of a topic.
    /// - Throws: ``QueueError``, `noSuchTopic`.
    package func subscription(_ id: MessageID, of name: TopicName) throws(QueueError) -> TopicSubscription {
        guard let subscription = try store.subscription(id, of: name) else {
            throw QueueError(.noSuchTopic, "The topic \(name) has no subscription \(id).")
        }
        return subscription
    }

    /// A topic's subscriptions in the order of their ids, from behind `id`.
    package func subscriptions(
        of name: TopicName,
        after id: MessageID?,
        maximum: Int
    ) throws(QueueError) -> [TopicSubscription] {
        try store.subscriptions(of: try topic(name), after: id, maximum: maximum)
    }

    /// Subscriptions of all topics, in the order of the topics' names and then of their ids, from behind one.
    package func subscriptions(
        after last: (topic: TopicName, id: MessageID)?,
        maximum: Int
    ) throws(QueueError) -> [TopicSubscription] {
        var found: [TopicSubscription] = []
        if let last, let topic = try store.topic(last.topic) {
            found = try store.subscriptions(of: topic, after: last.id, maximum: maximum)
        }
        var name = last?.topic
        while found.count < maximum, let topic = try store.topics(after: name, maximum: 1).first {
            found += try store.subscriptions(of: topic, after: nil, maximum: maximum - found.count)
            name = topic.name
        }
        return found
    }

    /// Makes a subscription; one of that endpoint that is there is left as it is, and asked again to confirm while it hasn't.
    package func subscribe(
        to name: TopicName,
        _ kind: SubscriptionProtocol,
        endpoint: String,
        _ values: [(name: ByteString, value: String)]
    ) async throws(QueueError) -> TopicSubscription {
        try checkDeadLetterQueue(values, of: kind)
        guard case .subscription(let made) = try await commit(.subscribe(name, kind, endpoint: endpoint, values)) else {
            throw noAnswer
        }
        if kind.isDeliveredOverHTTP { queues.waiters.signal(TopicService.deliveries, .max) }
        return made
    }

    /// Has a subscription get messages from now on.
    package func confirm(_ key: ConfirmationKey, of name: TopicName) async throws(QueueError) -> TopicSubscription {
        guard case .subscription(let confirmed) = try await commit(.confirm(name, key)) else { throw noAnswer }
        return confirmed
    }

    /// Sets a subscription's attributes by AWS's names.
    package func set(
        _ values: [(name: ByteString, value: String)],
        of id: MessageID,
        in name: TopicName
    ) async throws(QueueError) -> TopicSubscription {
        let subscription = try subscription(id, of: name)
        try checkDeadLetterQueue(values, of: subscription.protocol, in: subscription.attributes)
        guard case .subscription(let changed) = try await commit(.configureSubscription(name, id, values)) else {
            throw noAnswer
        }
        return changed
    }

    /// Removes a subscription with what waits for it; one that isn't there isn't missed.
    package func unsubscribe(_ id: MessageID, from name: TopicName) async throws(QueueError) {
        try await removing(.unsubscribe(name, id))
    }

    private func checkDeadLetterQueue(
        _ values: [(name: ByteString, value: String)],
        of kind: SubscriptionProtocol,
        in existing: TopicSubscription.Attributes = TopicSubscription.Attributes()
    ) throws(QueueError) {
        var attributes = existing
        try attributes.set(values, of: kind)
        guard let queue = attributes.deadLetterQueue, try store.queue(queue) == nil else { return }
        throw QueueError(.invalidAttribute, "RedrivePolicy names the queue \(queue), which doesn't exist.")
    }

    // MARK: - Publishing

    /// Stores messages for every subscription that takes them, in one commit, all or none.
    /// - Returns: where they went.
    package func publish(_ messages: [TopicMessage], to name: TopicName) async throws(QueueError) -> TopicPublication {
        guard case .published(let publication) = try await commit(.publish(name, messages)) else { throw noAnswer }
        for (queue, count) in publication.queues { queues.waiters.signal(queue, count) }
        if publication.forHTTP > 0 { queues.waiters.signal(TopicService.deliveries, .max) }
        if publication.dropped > 0 || publication.deadLetters > 0 { note(publication, of: name) }
        return publication
    }

    private func note(_ publication: TopicPublication, of name: TopicName) {
        onUndelivered(publication.deadLetters, publication.dropped)
        guard let leftOut = deadLines.withLock({ $0.admit(atNanoseconds: StageClock.nowNanoseconds()) }) else { return }
        logger.warning(
            "messages of a topic couldn't go to subscriptions: their queues are gone or don't take them",
            metadata: [
                "topic": "\(name)", "endpoint": "\(publication.deadEndpoint?.printable(limit: 120) ?? "")",
                "deadLetters": "\(publication.deadLetters)", "dropped": "\(publication.dropped)",
                "linesLeftOut": "\(leftOut)",
            ]
        )
    }

    // MARK: - Steps

    private func removing(_ change: TopicChange) async throws(QueueError) {
        guard case .removed(let numbers) = try await commit(change) else { throw noAnswer }
        for number in numbers {
            queues.waiters.signal(number, .max)
            try await queues.discard(number)
        }
    }

    private func commit(_ change: TopicChange) async throws(QueueError) -> TopicOutcome {
        guard case .topics(let outcome) = try await store.commit(.topics(change)) else { throw noAnswer }
        return outcome
    }

    private var noAnswer: QueueError {
        QueueError(.storage, "The log answered something else than what it was asked for.")
    }
}
