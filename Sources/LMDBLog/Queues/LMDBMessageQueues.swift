package import ChangeQueue
import LMDB
package import Logging
package import QueueEngine
package import Queues
package import SluiceCore
import Synchronization

/// Message queues in the change log's environment, with what receivers hold beside it.
package final class LMDBMessageQueues: MessageQueueStore {
    let log: ChangeLog
    private let writer: LogWriter
    let state: ReceiveState
    let maximumInFlight: UInt64
    /// What was counted of queues with very many entries, so that not every receive counts.
    let counts = Mutex<[UInt32: InFlightCount]>([:])

    /// Messages of a queue that may be in flight at once, as in SQS.
    package static let maximumInFlightByDefault = 120_000

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
        maximumInFlight: Int = maximumInFlightByDefault,
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

    package func queue(_ id: QueueID) throws(QueueError) -> MessageQueue? { try reader.queue(id) }

    package func queues(after: QueueID?, prefix: ByteString, maximum: Int) throws(QueueError) -> [MessageQueue] {
        try reader.queues(after: after, prefix: prefix, maximum: maximum)
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
        try reader.figures(of: queue, nowNanoseconds: now)
    }

    package func messages(
        of queue: MessageQueue,
        from ordinal: UInt64,
        maximum: Int,
        nowNanoseconds now: UInt64
    ) throws(QueueError) -> [StoredMessage] {
        try reader.messages(of: queue, from: ordinal, maximum: maximum, nowNanoseconds: now)
    }

    // MARK: - Reading

    private var reader: MessageQueueReader { MessageQueueReader(log: log, state: state) }

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
        try reader.forEachMessage(of: queue, from: ordinal, in: transaction, body)
    }
}
