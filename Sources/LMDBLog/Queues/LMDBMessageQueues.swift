package import ChangeQueue
import LMDB
package import Logging
package import QueueEngine
import Queues
package import SluiceCore

/// Message queues in the change log's environment, with what receivers hold beside it.
package final class LMDBMessageQueues: MessageQueueStore {
    let log: ChangeLog
    private let writer: LogWriter
    let state: ReceiveState
    let maximumInFlight: UInt64

    /// New messages whose delay is looked at when a queue is counted.
    private static let countedFresh = 10_000

    /// Opens the message queues of a log.
    /// - Parameters:
    ///   - writer: makes the changes.
    ///   - directory: where what receivers hold is kept; it is made.
    ///   - maximumInFlight: messages of a queue that may be received and neither deleted nor visible again.
    ///   - logger: told of state that isn't trusted.
    /// - Throws: `ChangeQueueError`.
    package init(
        writer: LogWriter,
        directory: String,
        maximumInFlight: Int = 120_000,
        logger: Logger
    ) throws(ChangeQueueError) {
        log = writer.log
        self.writer = writer
        self.maximumInFlight = UInt64(maximumInFlight)
        state = try ReceiveState(directory, logID: writer.log.logID, logger: logger)
    }

    /// Syncs what receivers hold.
    package func close() throws(QueueError) { try QueueError.typing("close the message queues") { try state.close() } }

    package func commit(_ change: MessageChange) async throws(QueueError) -> MessageChangeOutcome {
        let outcome = await writer.outcome(of: .messages(change))
        switch (outcome.messages, outcome.result) {
        case (let messages?, _): return try messages.get()
        case (nil, .failure(let error)): throw QueueError(error)
        case (nil, .success): throw QueueError(.storage, "The log's writer has no answer about message queues.")
        }
    }

    // MARK: - The catalogue

    package func queue(_ id: QueueID) throws(QueueError) -> MessageQueue? {
        try reading("read the queue \(id)") { try $0.messageQueue(id, log.databases) }
    }

    package func queues(after: QueueID?, prefix: ByteString, maximum: Int) throws(QueueError) -> [MessageQueue] {
        guard let database = log.databases.queues else { return [] }
        let start = later(
            after.map { Array($0.name.utf8) + [0] } ?? Array(QueueCatalogue.firstName.utf8),
            Array(prefix.utf8)
        )
        return try reading("list the queues") { transaction in
            var found: [MessageQueue] = []
            try transaction.withCursor(database) { cursor in
                try cursor.forEach(from: start) { key, value in
                    let name = key.copied
                    guard name.starts(with: prefix.utf8) else { return false }
                    let id = QueueID(alreadyChecked: String(decoding: name, as: UTF8.self))
                    if let queue = MessageQueue(id, json: value.copied) { found.append(queue) }
                    return found.count < maximum
                }
            }
            return found
        }
    }

    package func discardable() throws(QueueError) -> [UInt32] {
        guard let database = log.databases.queues else { return [] }
        return try reading("list deleted queues") { transaction in
            var found: [UInt32] = []
            try transaction.withCursor(database) { cursor in
                try cursor.forEach(from: QueueCatalogue.firstDiscard) { key, _ in
                    guard let queue = QueueCatalogue.discardedQueue(key.copied) else { return false }
                    found.append(queue)
                    return true
                }
            }
            return found
        }
    }

    package func lastOrdinals(of queues: [UInt32]) throws(QueueError) -> [UInt64] {
        try reading("read queues' ends") { transaction in
            try queues.map { try transaction.counters(of: $0, log.databases).lastOrdinal }
        }
    }

    package var commitCount: UInt64 { log.environment.lastTransactionIdentifier }

    package func ordinals(of queue: UInt32, through last: UInt64, maximum: Int) throws(QueueError) -> [UInt64] {
        try reading("list a queue's messages") { transaction in
            var found: [UInt64] = []
            try forEachMessage(of: queue, from: 1, in: transaction) { ordinal, _ in
                guard ordinal <= last else { return false }
                found.append(ordinal)
                return found.count < maximum
            }
            return found
        }
    }

    package func expired(
        in queue: MessageQueue,
        maximum: Int,
        nowNanoseconds now: UInt64
    ) throws(QueueError) -> [UInt64] {
        let kept = UInt64(queue.attributes.retentionSeconds) * 1_000_000_000
        return try reading("look for messages whose time is over") { transaction in
            var found: [UInt64] = []
            try forEachMessage(of: queue.number, from: 1, in: transaction) { ordinal, bytes in
                let sentAt = bytes.withUnsafeBytes { MessageCodec.peekTimes($0)?.sentAtNanoseconds } ?? now
                guard now > sentAt.saturatingAdd(kept) else { return false }
                found.append(ordinal)
                return found.count < maximum
            }
            return found
        }
    }

    package func figures(of queue: MessageQueue, nowNanoseconds now: UInt64) throws(QueueError) -> MessageQueueFigures {
        try reading("count a queue's messages") { transaction in
            var figures = MessageQueueFigures()
            let messages = Int(clamping: try transaction.counters(of: queue.number, log.databases).messages)
            try forEachMessage(of: queue.number, from: 1, in: transaction) { _, bytes in
                figures.oldestSentAtNanoseconds = bytes.withUnsafeBytes {
                    MessageCodec.peekTimes($0)?.sentAtNanoseconds
                }
                return false
            }
            try state.environment.read { held in
                figures.delayed = try delayedFresh(in: queue, nowNanoseconds: now, transaction, held)
                guard !queue.isFIFO else {
                    let inFlight = try inFlightOrdered(of: queue.number, nowNanoseconds: now, in: held)
                    figures.inFlight = Int(clamping: inFlight)
                    return
                }
                try state.forEachTime(of: queue.number, from: now + 1, in: held) { _, ordinal in
                    let count = try state.entry(queue.number, ordinal, in: held)?.receiveCount ?? 0
                    if count > 0 { figures.inFlight += 1 } else { figures.delayed += 1 }
                    return true
                }
            }
            figures.visible = max(0, messages - figures.inFlight - figures.delayed)
            return figures
        }
    }

    /// Messages that nobody has looked at and whose delay isn't over, among 10,000: a standard queue's oldest, a FIFO queue's newest.
    private func delayedFresh(
        in queue: MessageQueue,
        nowNanoseconds now: UInt64,
        _ stored: borrowing ReadTransaction,
        _ held: borrowing ReadTransaction
    ) throws -> Int {
        if queue.isFIFO, queue.attributes.delaySeconds == 0 { return 0 }
        let last = try stored.counters(of: queue.number, log.databases).lastOrdinal
        var left = LMDBMessageQueues.countedFresh
        let first =
            queue.isFIFO
            ? last - min(last, UInt64(left)) : try state.head(of: queue.number, in: held).cursor
        var delayed = 0
        try forEachMessage(of: queue.number, from: first + 1, in: stored) { _, bytes in
            left -= 1
            if let times = bytes.withUnsafeBytes({ MessageCodec.peekTimes($0) }), times.visibleAtNanoseconds > now {
                delayed += 1
            }
            return left > 0
        }
        return delayed
    }

    // MARK: - Reading

    func reading<Result>(
        _ operation: @autoclosure () -> String,
        _ body: (borrowing ReadTransaction) throws -> Result
    ) throws(QueueError) -> Result {
        try QueueError.typing(operation()) { try log.environment.read(body) }
    }

    func forEachMessage(
        of queue: UInt32,
        from ordinal: UInt64,
        in transaction: borrowing ReadTransaction,
        _ body: (_ ordinal: UInt64, _ bytes: RawSpan) throws -> Bool
    ) throws {
        guard let messages = log.databases.messages else { return }
        try transaction.withCursor(messages) { cursor in
            try cursor.forEach(from: QueueCatalogue.messageKey(queue, ordinal)) { key, value in
                guard let found = QueueCatalogue.ordinal(of: key, in: queue) else { return false }
                return try body(found, value)
            }
        }
    }
}

/// The later of two keys.
private func later(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
    left.lexicographicallyPrecedes(right) ? right : left
}
