import ChangeQueue
import LMDB
import QueueEngine
import Queues
import SluiceCore

/// Looks at message queues: at the catalogue and the messages in the log, and at what receivers hold where that is known.
struct MessageQueueReader {
    let log: ChangeLog
    /// Nil when nothing is held: then every message can be received.
    let state: ReceiveState?

    /// New messages whose delay is looked at when a queue is counted.
    private static let countedFresh = 10_000

    // MARK: - The catalogue

    func queue(_ id: QueueID) throws(QueueError) -> MessageQueue? {
        guard log.databases.queues != nil else { return nil }
        return try reading("read the queue \(id)") { try $0.messageQueue(id, log.databases) }
    }

    func queues(after: QueueID?, prefix: ByteString, maximum: Int) throws(QueueError) -> [MessageQueue] {
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

    // MARK: - Figures

    func figures(of queue: MessageQueue, nowNanoseconds now: UInt64) throws(QueueError) -> MessageQueueFigures {
        try reading("count a queue's messages") { transaction in
            var figures = MessageQueueFigures()
            let messages = Int(clamping: try transaction.counters(of: queue.number, log.databases).messages)
            try forEachMessage(of: queue.number, from: 1, in: transaction) { _, bytes in
                figures.oldestSentAtNanoseconds = bytes.withUnsafeBytes {
                    MessageCodec.peekTimes($0)?.sentAtNanoseconds
                }
                return false
            }
            if let state {
                try state.environment.read { try count(queue, now, transaction, state, $0, &figures) }
            } else {
                figures.delayed = try delayedFresh(in: queue, after: 0, nowNanoseconds: now, transaction)
            }
            figures.visible = max(0, messages - figures.inFlight - figures.delayed)
            return figures
        }
    }

    /// Counts what is in flight and delayed.
    private func count(
        _ queue: MessageQueue,
        _ now: UInt64,
        _ stored: borrowing ReadTransaction,
        _ state: ReceiveState,
        _ held: borrowing ReadTransaction,
        _ figures: inout MessageQueueFigures
    ) throws {
        let cursor = try state.head(of: queue.number, in: held).cursor
        figures.delayed = try delayedFresh(in: queue, after: cursor, nowNanoseconds: now, stored)
        guard !queue.isFIFO else {
            let inFlight = try state.inFlightOrdered(of: queue.number, nowNanoseconds: now, in: held)
            figures.inFlight = Int(clamping: inFlight)
            return
        }
        try state.forEachTime(of: queue.number, from: now + 1, in: held) { _, ordinal in
            let count = try state.entry(queue.number, ordinal, in: held)?.receiveCount ?? 0
            if count > 0 { figures.inFlight += 1 } else { figures.delayed += 1 }
            return true
        }
    }

    /// Messages that nobody has looked at and whose delay isn't over, among 10,000: a standard queue's oldest behind `cursor`, a FIFO queue's
    /// newest.
    private func delayedFresh(
        in queue: MessageQueue,
        after cursor: UInt64,
        nowNanoseconds now: UInt64,
        _ stored: borrowing ReadTransaction
    ) throws -> Int {
        if queue.isFIFO, queue.attributes.delaySeconds == 0 { return 0 }
        let last = try stored.counters(of: queue.number, log.databases).lastOrdinal
        var left = MessageQueueReader.countedFresh
        let first = queue.isFIFO ? last - min(last, UInt64(left)) : cursor
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

    // MARK: - Messages

    func messages(
        of queue: MessageQueue,
        from ordinal: UInt64,
        maximum: Int,
        nowNanoseconds now: UInt64
    ) throws(QueueError) -> [StoredMessage] {
        guard maximum > 0 else { return [] }
        return try reading("look at a queue's messages") { transaction in
            var found: [StoredMessage] = []
            try forEachMessage(of: queue.number, from: ordinal, in: transaction) { ordinal, bytes in
                let message = MessageQueueReader.decoded(bytes)
                found.append(StoredMessage(ordinal: ordinal, message: message, entry: nil, nowNanoseconds: now))
                return found.count < maximum
            }
            guard let state else { return found }
            return try state.environment.read { held in
                try found.map { stored in
                    let entry = try state.entry(queue.number, stored.ordinal, in: held)
                    return StoredMessage(
                        ordinal: stored.ordinal,
                        message: stored.message,
                        entry: entry,
                        nowNanoseconds: now
                    )
                }
            }
        }
    }

    /// A stored message, or why it can't be read.
    static func decoded(_ bytes: RawSpan) -> Result<QueueMessage, QueueError> {
        bytes.withUnsafeBytes { bytes -> Result<QueueMessage, QueueError> in
            do throws(QueueError) { return .success(try MessageCodec.decode(bytes)) } catch { return .failure(error) }
        }
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

    private func reading<Result>(
        _ operation: @autoclosure () -> String,
        _ body: (borrowing ReadTransaction) throws -> Result
    ) throws(QueueError) -> Result {
        try QueueError.typing(operation()) { try log.environment.read(body) }
    }
}

/// The later of two keys.
private func later(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
    left.lexicographicallyPrecedes(right) ? right : left
}
