import ChangeQueue
import LMDB
import QueueEngine
import SluiceCore

/// Changes of message queues, in the transaction of the commit.
extension LogCommitter {
    /// Queues that there may be.
    private static let maximumQueues: UInt64 = 10_000

    /// Makes a change, or says why it can't be made.
    /// - Throws: what concerns the whole commit, and `logFull`.
    func perform(
        _ change: MessageChange,
        _ progress: inout Progress,
        in transaction: borrowing WriteTransaction
    ) throws -> Result<MessageChangeOutcome, QueueError> {
        guard let queues = log.databases.queues, let messages = log.databases.messages else {
            return .failure(QueueError(.unsupported, "This log is open for reading only."))
        }
        let stored = MessageTransaction(databases: log.databases, queues: queues, messages: messages)
        do {
            if case .send(_, let sent) = change { try takeRoom(for: sent, &progress) }
            let outcome = try stored.perform(change, nowNanoseconds: StageClock.wallNanoseconds(), in: transaction)
            progress.changesMessages = true
            return .success(outcome)
        } catch let error as QueueError {
            return .failure(error)
        }
    }

    private func takeRoom(for messages: [QueueMessage], _ progress: inout Progress) throws(ChangeQueueError) {
        guard progress.attempt != .removals else { throw full(progress) }
        guard let page = progress.room?.used.pageBytes else { return }
        let bytes = messages.reduce(0) { $0 + LogRoom.storedBytes($1.byteCount + 256, pageBytes: page) }
        guard progress.room?.take(bytes) == false else { return }
        throw full(progress)
    }

    /// The databases of message queues, for one change.
    private struct MessageTransaction {
        let databases: LogDatabases
        let queues: Database
        let messages: Database

        func perform(
            _ change: MessageChange,
            nowNanoseconds now: UInt64,
            in transaction: borrowing WriteTransaction
        ) throws -> MessageChangeOutcome {
            switch change {
            case .create(let id, let values, let tags):
                return .queue(try create(id, values, tags, now, in: transaction))
            case .configure(let id, let change):
                var queue = try existing(id, in: transaction)
                try change(&queue)
                queue.modifiedAtNanoseconds = now
                try transaction.put(queues, Array(id.name.utf8), queue.json)
                return .queue(queue)
            case .delete(let id):
                let queue = try existing(id, in: transaction)
                try transaction.delete(queues, Array(id.name.utf8))
                try transaction.put(queues, QueueCatalogue.discardKey(queue.number), UInt64(0))
                return .queue(queue)
            case .discard(let queue, let maximum):
                return .changed(try discard(queue, maximum, in: transaction))
            case .send(let id, let sent):
                let queue = try existing(id, in: transaction)
                let ordinals = try append(sent.map { MessageCodec.encode($0) }, to: queue.number, in: transaction)
                return .sent(queue: queue, ordinals: ordinals)
            case .remove(let queue, let ordinals):
                return .changed(try remove(ordinals, from: queue, in: transaction))
            case .move(let queue, let ordinals, let target, let source):
                return .changed(try move(ordinals, from: queue, to: target, source, now, in: transaction))
            }
        }

        private func existing(_ id: QueueID, in transaction: borrowing WriteTransaction) throws -> MessageQueue {
            guard let queue = try transaction.messageQueue(id, databases) else {
                throw QueueError(.noSuchQueue, "There is no queue \(id).")
            }
            return queue
        }

        private func create(
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
            // An entry and its counters are two keys.
            guard try UInt64(transaction.count(queues)) / 2 < maximumQueues, let short = UInt32(exactly: number) else {
                throw QueueError(
                    .overLimit,
                    "There are \(maximumQueues) queues, the most that there may be. Delete some."
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

        /// Numbers encoded messages behind those that there are.
        private func append(
            _ encoded: [[UInt8]],
            to queue: UInt32,
            in transaction: borrowing WriteTransaction
        ) throws -> [UInt64] {
            var counters = try transaction.counters(of: queue, databases)
            var ordinals: [UInt64] = []
            for bytes in encoded {
                counters.lastOrdinal += 1
                try transaction.put(messages, QueueCatalogue.messageKey(queue, counters.lastOrdinal), bytes)
                ordinals.append(counters.lastOrdinal)
            }
            counters.messages += UInt64(encoded.count)
            try transaction.put(queues, QueueCatalogue.countersKey(queue), counters.bytes)
            return ordinals
        }

        private func remove(
            _ ordinals: [UInt64],
            from queue: UInt32,
            in transaction: borrowing WriteTransaction
        ) throws -> Int {
            var removed = 0
            for ordinal in ordinals where try transaction.delete(messages, QueueCatalogue.messageKey(queue, ordinal)) {
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

        private func move(
            _ ordinals: [UInt64],
            from queue: UInt32,
            to target: QueueID,
            _ source: QueueID?,
            _ now: UInt64,
            in transaction: borrowing WriteTransaction
        ) throws -> Int {
            let target = try existing(target, in: transaction)
            var moved: [[UInt8]] = []
            for ordinal in ordinals {
                let key = QueueCatalogue.messageKey(queue, ordinal)
                let stored = try transaction.get(messages, key) { bytes in
                    bytes.withUnsafeBytes { bytes -> QueueMessage? in try? MessageCodec.decode(bytes) }
                }
                // A damaged one stays where it is, and is named when it is received.
                guard var message = stored ?? nil else { continue }
                message.deadLetterSource = source
                if source == nil {
                    // Brought back it is a new message, or the queue's retention might take it at once (developer guide, "Amazon SQS
                    // dead-letter queue redrive").
                    message.id = .random()
                    message.sentAtNanoseconds = now
                }
                // At once, whatever its delay was.
                message.visibleAtNanoseconds = message.sentAtNanoseconds
                moved.append(MessageCodec.encode(message))
                try transaction.delete(messages, key)
            }
            _ = try append(moved, to: target.number, in: transaction)
            try count(moved.count, outOf: queue, in: transaction)
            return moved.count
        }

        private func discard(_ queue: UInt32, _ maximum: Int, in transaction: borrowing WriteTransaction) throws -> Int
        {
            var removed = 0
            try transaction.withCursor(messages) { cursor in
                var isThere = try cursor.seek(atOrAfter: QueueCatalogue.messageKey(queue, 0)) { key, _ in
                    QueueCatalogue.ordinal(of: key, in: queue) != nil
                }
                while isThere == true, removed < maximum {
                    try cursor.delete()
                    removed += 1
                    isThere = try cursor.next { key, _ in QueueCatalogue.ordinal(of: key, in: queue) != nil }
                }
            }
            guard removed < maximum else { return removed }
            try transaction.delete(queues, QueueCatalogue.discardKey(queue))
            try transaction.delete(queues, QueueCatalogue.countersKey(queue))
            return removed
        }
    }
}
