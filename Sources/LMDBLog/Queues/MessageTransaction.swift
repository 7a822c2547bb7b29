import LMDB
import QueueEngine
import SluiceCore

/// The databases of message queues, for one change.
struct MessageTransaction {
    let databases: LogDatabases
    let queues: Database
    let messages: Database
    let ordered: OrderedMessages

    /// Queues that there may be.
    private static let maximumQueues: UInt64 = 10_000

    /// Deduplication ids that a send forgets beside those that it brings, so that the database doesn't grow.
    private static let forgottenBesides = 16

    /// The databases of a log; nil when it is open for reading only.
    init?(_ databases: LogDatabases) {
        guard let queues = databases.queues, let messages = databases.messages, let ordered = databases.ordered else {
            return nil
        }
        self.databases = databases
        self.queues = queues
        self.messages = messages
        self.ordered = OrderedMessages(database: ordered)
    }

    /// What messages take at most, bytes of pages.
    static func storedBytes(of messages: [QueueMessage], pageBytes: Int) -> Int {
        messages.reduce(0) { bytes, message in
            // The order of a FIFO queue: two keys of the group, two of the deduplication id.
            let order =
                message.isOrdered
                ? 256 + 4 * (message.groupID?.count ?? 0) + 2 * (message.deduplicationID?.count ?? 0) : 0
            return bytes + LogRoom.storedBytes(message.byteCount + 256 + order, pageBytes: pageBytes)
        }
    }

    func configure(
        _ id: QueueID,
        _ change: (inout MessageQueue) throws -> Void,
        _ now: UInt64,
        in transaction: borrowing WriteTransaction
    ) throws -> MessageQueue {
        var queue = try existing(id, in: transaction)
        try change(&queue)
        queue.modifiedAtNanoseconds = now
        try transaction.put(queues, Array(id.name.utf8), queue.json)
        return queue
    }

    /// Takes a queue out of the catalogue; its messages are discarded afterwards.
    func delete(_ id: QueueID, in transaction: borrowing WriteTransaction) throws -> MessageQueue {
        let queue = try existing(id, in: transaction)
        try transaction.delete(queues, Array(id.name.utf8))
        try transaction.put(queues, QueueCatalogue.discardKey(queue.number), UInt64(0))
        return queue
    }

    /// The records among messages, with the messages' ordinals.
    func records(
        _ ordinals: [UInt64],
        of queue: UInt32,
        in transaction: borrowing WriteTransaction
    ) throws -> [(ordinal: UInt64, record: ChangeRecord)] {
        try ordinals.compactMap { ordinal in
            let stored = try transaction.get(messages, QueueCatalogue.messageKey(queue, ordinal)) { bytes in
                bytes.withUnsafeBytes { bytes -> QueueMessage? in try? MessageCodec.decode(bytes) }
            }
            return (stored ?? nil).flatMap { RecordMessage.record(of: $0) }.map { (ordinal, $0) }
        }
    }

    func existing(_ id: QueueID, in transaction: borrowing WriteTransaction) throws -> MessageQueue {
        guard let queue = try transaction.messageQueue(id, databases) else {
            throw QueueError(.noSuchQueue, "There is no queue \(id).")
        }
        return queue
    }

    func create(
        _ id: QueueID,
        _ values: [(name: ByteString, value: String)],
        _ tags: [QueueTag],
        _ now: UInt64,
        in transaction: borrowing WriteTransaction
    ) throws -> MessageQueue {
        var attributes = MessageQueueAttributes()
        if let queue = try transaction.messageQueue(id, databases) {
            attributes = queue.attributes
            try attributes.set(values)
            guard queue.attributes == attributes else {
                throw QueueError(.queueExists, "The queue \(id) exists and has other attributes.")
            }
            return queue
        }
        try attributes.set(values)
        let number = try transaction.get(queues, QueueCatalogue.nextNumber) { $0.storedInteger ?? 1 } ?? 1
        // An entry and its counters are two keys; topics and subscriptions have a limit of their own.
        let ofTopics = try transaction.topicCounters(databases).keys
        let keys = try UInt64(transaction.count(queues))
        guard (keys - min(keys, ofTopics)) / 2 < MessageTransaction.maximumQueues,
            let short = UInt32(exactly: number)
        else {
            throw QueueError(
                .overLimit,
                "There are \(MessageTransaction.maximumQueues) queues, the most that there may be. Delete some."
            )
        }
        let queue = MessageQueue(
            id: id,
            number: short,
            attributes: attributes,
            tags: tags,
            createdAtNanoseconds: now,
            modifiedAtNanoseconds: now
        )
        try transaction.put(queues, QueueCatalogue.nextNumber, number + 1)
        try transaction.put(queues, Array(id.name.utf8), queue.json)
        try transaction.put(queues, QueueCatalogue.countersKey(short), QueueCounters().bytes)
        return queue
    }

    /// Numbers messages behind those that there are; one that a FIFO queue knows already isn't stored again.
    ///
    /// `deduplicates`: whether it is a send; what moves from another queue is another message.
    func append(
        _ sent: [QueueMessage],
        to queue: MessageQueue,
        deduplicates: Bool = true,
        in transaction: borrowing WriteTransaction
    ) throws -> [MessagePlace] {
        // Before anything is written: the commit has other requests.
        guard !queue.isFIFO || sent.allSatisfy(\.isOrdered) else {
            throw QueueError(
                .invalidMessage,
                "A message of the FIFO queue \(queue.id) needs a group and a deduplication id."
            )
        }
        var counters = try transaction.counters(of: queue.number, databases)
        var places: [MessagePlace] = []
        for message in sent {
            if queue.isFIFO, deduplicates, let known = try ordered.sent(message, to: queue, in: transaction) {
                places.append(known)
                continue
            }
            counters.lastOrdinal += 1
            let ordinal = counters.lastOrdinal
            try transaction.put(
                messages,
                QueueCatalogue.messageKey(queue.number, ordinal),
                MessageCodec.encode(message)
            )
            counters.messages += 1
            places.append(MessagePlace(ordinal: ordinal, id: message.id))
            guard queue.isFIFO, let group = message.groupID else { continue }
            try ordered.add(ordinal, of: group, to: queue.number, &counters, in: transaction)
            if deduplicates { try ordered.note(message, ordinal, in: queue, in: transaction) }
        }
        if queue.isFIFO, let now = sent.last?.sentAtNanoseconds {
            try ordered.forget(
                before: now - min(now, FIFOAttributes.deduplicationNanoseconds),
                maximum: sent.count + MessageTransaction.forgottenBesides,
                in: transaction
            )
        }
        try transaction.put(queues, QueueCatalogue.countersKey(queue.number), counters.bytes)
        return places
    }

    func remove(
        _ ordinals: [UInt64],
        from queue: UInt32,
        in transaction: borrowing WriteTransaction
    ) throws -> Int {
        var removed = 0
        for ordinal in ordinals {
            let key = QueueCatalogue.messageKey(queue, ordinal)
            let group = try transaction.get(messages, key) { bytes in
                bytes.withUnsafeBytes { MessageCodec.peekGroup($0) }
            }
            guard let group else { continue }
            try transaction.delete(messages, key)
            if let group { try ordered.remove(ordinal, of: group, from: queue, in: transaction) }
            removed += 1
        }
        try count(removed, outOf: queue, in: transaction)
        return removed
    }

    private func count(_ removed: Int, outOf queue: UInt32, in transaction: borrowing WriteTransaction) throws {
        guard removed > 0 else { return }
        var counters = try transaction.counters(of: queue, databases)
        counters.messages -= min(counters.messages, UInt64(removed))
        try transaction.put(queues, QueueCatalogue.countersKey(queue), counters.bytes)
    }

    func move(
        _ ordinals: [UInt64],
        from queue: UInt32,
        to target: QueueID,
        _ source: QueueID?,
        _ now: UInt64,
        in transaction: borrowing WriteTransaction
    ) throws -> Int {
        let target = try existing(target, in: transaction)
        var moved: [(ordinal: UInt64, message: QueueMessage)] = []
        for ordinal in ordinals {
            let key = QueueCatalogue.messageKey(queue, ordinal)
            let stored = try transaction.get(messages, key) { bytes in
                bytes.withUnsafeBytes { bytes -> QueueMessage? in try? MessageCodec.decode(bytes) }
            }
            // A damaged one stays where it is, and is named when it is received.
            guard var message = stored ?? nil else { continue }
            message.deadLetterSource = source
            // At once, whatever its delay was.
            message.visibleAtNanoseconds = min(message.visibleAtNanoseconds, message.sentAtNanoseconds)
            // A dead letter of a FIFO queue is kept as long as one that is new there (developer guide, "Amazon SQS dead-letter queues").
            if target.isFIFO { message.sentAtNanoseconds = now }
            if source == nil {
                // Brought back it is a new message, or the queue's retention might take it at once (developer guide, "Amazon SQS
                // dead-letter queue redrive").
                message.id = .random()
                message.sentAtNanoseconds = now
            }
            if target.isFIFO != message.isOrdered {
                throw QueueError(
                    .unsupported,
                    "Messages of a FIFO queue move to a FIFO queue, and others to a standard queue; \(target.id) is another kind."
                )
            }
            moved.append((ordinal, message))
        }
        _ = try append(moved.map(\.message), to: target, deduplicates: false, in: transaction)
        return try remove(moved.map(\.ordinal), from: queue, in: transaction)
    }

    func discard(_ queue: UInt32, _ maximum: Int, in transaction: borrowing WriteTransaction) throws -> Int {
        var ordinals: [UInt64] = []
        try transaction.withCursor(messages) { cursor in
            try cursor.forEach(from: QueueCatalogue.messageKey(queue, 0)) { key, _ in
                guard ordinals.count < maximum, let ordinal = QueueCatalogue.ordinal(of: key, in: queue) else {
                    return false
                }
                ordinals.append(ordinal)
                return true
            }
        }
        let removed = try remove(ordinals, from: queue, in: transaction)
        guard removed < maximum else { return removed }
        try transaction.delete(queues, QueueCatalogue.discardKey(queue))
        try transaction.delete(queues, QueueCatalogue.countersKey(queue))
        return removed
    }
}
