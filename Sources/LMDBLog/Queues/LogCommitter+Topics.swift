import ChangeQueue
import LMDB
import QueueEngine
import SluiceCore

/// Changes of topics, in the transaction of the commit.
extension LogCommitter {
    /// What one publish may store, all its copies together, bytes: they are in memory until the commit, and hold up everybody else's.
    static let maximumPublishBytes = 128 << 20

    /// Makes a change of topics.
    /// - Throws: ``QueueError``, which is the request's own; what concerns the whole commit, and `logFull`.
    func perform(
        _ change: TopicChange,
        _ topics: TopicTransaction,
        _ progress: inout Progress,
        in transaction: borrowing WriteTransaction
    ) throws -> TopicOutcome {
        let now = StageClock.wallNanoseconds()
        switch change {
        case .create(let name, let values):
            return .topic(try topics.create(name, values, now, in: transaction))
        case .configure(let name, let values):
            return .topic(try topics.configure(name, values, in: transaction))
        case .delete(let name): return .removed(queues: try topics.delete(name, in: transaction))
        case .unsubscribe(let name, let id):
            return .removed(queues: try topics.unsubscribe(name, id, in: transaction))
        case .configureSubscription(let name, let id, let values):
            return .subscription(try topics.configureSubscription(name, id, values, in: transaction))
        case .subscribe(let name, let kind, let endpoint, let values):
            return .subscription(try topics.subscribe(name, kind, endpoint, values, now, in: transaction))
        case .confirm(let name, let key):
            return .subscription(try topics.confirm(name, key, now, in: transaction))
        case .publish(let name, let messages):
            return .published(try publish(messages, to: name, topics, &progress, in: transaction))
        }
    }

    // MARK: - Publishing

    /// What a publish stores, worked out before anything is stored: all of it, or nothing.
    private struct Plan {
        var messages: [UInt32: (queue: MessageQueue, messages: [QueueMessage])] = [:]
        var drafts: [RecordDraft] = []
        var outcome = TopicPublication()
        /// Whether the topic is a FIFO topic, and its queues are.
        let isFIFO: Bool
        /// The number of the message that is worked out, on a FIFO topic.
        var sequence: UInt64?
        /// Queues that subscriptions name, looked up once.
        var queues: [QueueID: MessageQueue?] = [:]

        init(isFIFO: Bool) { self.isFIFO = isFIFO }

        /// Bytes of all copies.
        private var bytes = 0

        mutating func add(_ message: QueueMessage, to queue: MessageQueue) throws(QueueError) {
            try count(message.byteCount)
            messages[queue.number, default: (queue, [])].messages.append(message)
        }

        mutating func add(_ draft: RecordDraft) throws(QueueError) {
            try count(draft.payload.count)
            drafts.append(draft)
        }

        /// Counted one by one, so that no more than the limit is ever in memory.
        private mutating func count(_ more: Int) throws(QueueError) {
            bytes += more
            guard bytes > LogCommitter.maximumPublishBytes else { return }
            throw QueueError(
                .tooLong,
                """
                The publish would store more than \(LogCommitter.maximumPublishBytes) bytes, all the copies for its \
                subscriptions together: publish less at once.
                """
            )
        }
    }

    private func publish(
        _ messages: [TopicMessage],
        to name: TopicName,
        _ topics: TopicTransaction,
        _ progress: inout Progress,
        in transaction: borrowing WriteTransaction
    ) throws -> TopicPublication {
        var topic = try topics.existing(name, in: transaction)
        var plan = Plan(isFIFO: topic.attributes.isFIFO)
        try LogCommitter.checkOrder(of: messages, in: topic)
        if topic.attributes.isFIFO {
            plan.outcome.firstSequence = topic.lastSequence + 1
            topic.lastSequence += UInt64(messages.count)
        }
        for subscription in try subscriptions.subscriptions(of: topic, log.databases, in: transaction)
        where subscription.state == .confirmed {
            for (offset, message) in messages.enumerated() {
                let text = message.text(for: subscription.protocol)
                let isTaken =
                    subscription.attributes.filter?.matches(body: text, attributes: message.attributes) ?? true
                guard isTaken else { continue }
                plan.sequence = plan.outcome.firstSequence.map { $0 + UInt64(offset) }
                try add(message, for: subscription, to: &plan, progress, in: transaction)
            }
        }
        let all = plan.messages.values.flatMap { $0.messages }
        try takeRoom(for: all, &progress)
        if !plan.drafts.isEmpty { try takeRoom(for: plan.drafts, &progress) }
        if topic.attributes.isFIFO { try topics.put(topic, in: transaction) }
        for draft in plan.drafts {
            do {
                _ = try append([draft], by: .server, &progress, in: transaction)
                plan.outcome.records += 1
            } catch let error as ChangeQueueError where error.code == .tooManyTopics {
                // Its topic is new and there is no place for it in the table: as a queue that isn't there.
                plan.outcome.dropped += 1
                plan.outcome.deadEndpoint = draft.topic.name
            }
        }
        for (queue, messages) in plan.messages.values {
            _ = try topics.stored.append(messages, to: queue, in: transaction)
            plan.outcome.queues[queue.number] = messages.count
        }
        return plan.outcome
    }

    private static func checkOrder(of messages: [TopicMessage], in topic: MessageTopic) throws(QueueError) {
        let isFIFO = topic.attributes.isFIFO
        guard messages.allSatisfy({ ($0.groupID != nil) == isFIFO && ($0.deduplicationID != nil) == isFIFO }) else {
            throw QueueError(
                .invalidMessage,
                """
                Messages of FIFO topics have a MessageGroupId and a MessageDeduplicationId, and no others; \(topic.name) is a \
                \(isFIFO ? "FIFO" : "standard") topic.
                """
            )
        }
    }

    private func add(
        _ message: TopicMessage,
        for subscription: TopicSubscription,
        to plan: inout Plan,
        _ progress: Progress,
        in transaction: borrowing WriteTransaction
    ) throws {
        if let own = subscription.ownQueue {
            try plan.add(message.queueMessage(for: subscription), to: own)
            plan.outcome.forHTTP += 1
            return
        }
        switch subscription.target {
        case .queue(let id):
            if let queue = try queue(id, &plan, in: transaction) {
                let delayed = message.queueMessage(
                    for: subscription,
                    delaySeconds: queue.attributes.delaySeconds,
                    sequence: plan.sequence
                )
                // SQS's limits: what the queue takes of a message, and ten attributes of a raw one.
                if delayed.byteCount <= queue.attributes.maximumMessageBytes, delayed.attributes.count <= 10 {
                    try plan.add(delayed, to: queue)
                    return
                }
            }
        case .records(let topic):
            let draft = message.draft(for: subscription, on: topic, acceptedAtNanoseconds: progress.nowNanoseconds)
            if draft.payload.count <= log.configuration.maximumPayloadBytes {
                try plan.add(draft)
                return
            }
        case nil: break
        }
        // Dead: the others get theirs.
        plan.outcome.deadEndpoint = subscription.endpoint
        if let id = subscription.attributes.deadLetterQueue, let queue = try queue(id, &plan, in: transaction) {
            try plan.add(message.queueMessage(for: subscription, sequence: plan.sequence), to: queue)
            plan.outcome.deadLetters += 1
        } else {
            plan.outcome.dropped += 1
        }
    }

    private func queue(
        _ id: QueueID,
        _ plan: inout Plan,
        in transaction: borrowing WriteTransaction
    ) throws -> MessageQueue? {
        if let known = plan.queues[id] { return known }
        // A FIFO queue wants groups, which only messages of FIFO topics have.
        let found = try transaction.messageQueue(id, log.databases).flatMap { [isFIFO = plan.isFIFO] queue in
            queue.isFIFO == isFIFO ? queue : nil
        }
        plan.queues[id] = .some(found)
        return found
    }
}
