package import ChangeQueue
import LMDB
package import Logging
package import QueueEngine
package import Queues
package import SluiceCore

/// Message queues in the change log's environment, with what receivers hold beside it.
package final class LMDBMessageQueues: MessageQueueStore {
    let log: ChangeLog
    private let writer: LogWriter
    private let state: ReceiveState
    private let maximumInFlight: UInt64

    /// New messages that one receive looks at when they are all delayed.
    private static let maximumFresh = 1_000
    /// Kept entries that one receive looks at beyond those that it may hand out.
    private static let furtherDue = 64
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

    package func lastOrdinal(of queue: UInt32) throws(QueueError) -> UInt64 {
        try reading("read a queue's end") { try $0.counters(of: queue, log.databases).lastOrdinal }
    }

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
                var left = LMDBMessageQueues.countedFresh
                let cursor = try state.head(of: queue.number, in: held).cursor
                try forEachMessage(of: queue.number, from: cursor + 1, in: transaction) { _, bytes in
                    left -= 1
                    if let times = bytes.withUnsafeBytes({ MessageCodec.peekTimes($0) }),
                        times.visibleAtNanoseconds > now
                    {
                        figures.delayed += 1
                    }
                    return left > 0
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

    // MARK: - Receiving

    package func receive(from queue: MessageQueue, _ request: ReceiveRequest) throws(QueueError) -> ReceiveOutcome {
        try QueueError.typing("receive from \(queue.id)") {
            try state.environment.write { held in
                // Read behind the lock: whatever another process has noted of a message, this sees the message.
                try log.environment.read { stored in
                    var run = ReceiveRun(
                        queue: queue,
                        request: request,
                        head: try state.head(of: queue.number, in: held)
                    )
                    run.outcome.isOverLimit = try isOverLimit(run.head, queue, request, in: held)
                    if !run.outcome.isOverLimit {
                        try receiveDue(&run, stored, held)
                        try receiveFresh(&run, stored, held)
                    }
                    run.head.nextReceive += 1
                    try state.put(run.head, of: queue.number, in: held)
                    return run.outcome
                }
            }
        }
    }

    private func isOverLimit(
        _ head: ReceiveState.Head,
        _ queue: MessageQueue,
        _ request: ReceiveRequest,
        in held: borrowing WriteTransaction
    ) throws -> Bool {
        // Counted only when it may be so: entries are delayed and visible ones, too.
        guard head.entries + UInt64(request.maximum) > maximumInFlight else { return false }
        var inFlight: UInt64 = 0
        try state.forEachTime(of: queue.number, from: request.nowNanoseconds + 1, in: held) { _, ordinal in
            if try state.entry(queue.number, ordinal, in: held)?.receiveCount ?? 0 > 0 { inFlight += 1 }
            return inFlight + UInt64(request.maximum) <= maximumInFlight
        }
        return inFlight + UInt64(request.maximum) > maximumInFlight
    }

    /// Messages that are visible again, or whose delay has passed.
    private func receiveDue(
        _ run: inout ReceiveRun,
        _ stored: borrowing ReadTransaction,
        _ held: borrowing WriteTransaction
    ) throws {
        var due: [UInt64] = []
        try state.forEachTime(of: run.queue.number, in: held) { time, ordinal in
            guard time <= run.request.nowNanoseconds, due.count < run.request.maximum + LMDBMessageQueues.furtherDue
            else {
                if time > run.request.nowNanoseconds { run.outcome.nextVisibleAtNanoseconds = time }
                return false
            }
            due.append(ordinal)
            return true
        }
        for ordinal in due where !run.isFull {
            guard let entry = try state.entry(run.queue.number, ordinal, in: held),
                try take(ordinal, entry, &run, stored, held)
            else {
                // Deleted or moved, and its process ended before it could say so.
                try state.remove(run.queue.number, ordinal, &run.head, in: held)
                continue
            }
        }
    }

    /// Messages that nobody has looked at.
    private func receiveFresh(
        _ run: inout ReceiveRun,
        _ stored: borrowing ReadTransaction,
        _ held: borrowing WriteTransaction
    ) throws {
        guard !run.isFull else { return }
        var fresh: [UInt64] = []
        try forEachMessage(of: run.queue.number, from: run.head.cursor + 1, in: stored) { ordinal, _ in
            fresh.append(ordinal)
            return fresh.count < LMDBMessageQueues.maximumFresh
        }
        for ordinal in fresh where !run.isFull {
            run.head.cursor = ordinal
            _ = try take(ordinal, nil, &run, stored, held)
        }
    }

    /// Judges one message and keeps what follows; false when there is no such message.
    private func take(
        _ ordinal: UInt64,
        _ entry: ReceiveEntry?,
        _ run: inout ReceiveRun,
        _ stored: borrowing ReadTransaction,
        _ held: borrowing WriteTransaction
    ) throws -> Bool {
        guard let messages = log.databases.messages else { return false }
        let decoded = try stored.get(messages, QueueCatalogue.messageKey(run.queue.number, ordinal)) { bytes in
            bytes.withUnsafeBytes { bytes -> Result<QueueMessage, QueueError> in
                do throws(QueueError) { return .success(try MessageCodec.decode(bytes)) } catch {
                    return .failure(error)
                }
            }
        }
        guard let decoded else { return false }
        let verdict = run.judge(ordinal, decoded, entry)
        if let kept = verdict { try state.put(kept, replacing: entry, run.queue.number, ordinal, &run.head, in: held) }
        return true
    }

    package func current(_ handles: [MessageHandle]) throws(QueueError) -> [Bool] {
        try QueueError.typing("look up handles") {
            try state.environment.read { held in
                try handles.map { try state.entry($0.queue, $0.ordinal, in: held)?.receive == $0.receive }
            }
        }
    }

    package func forget(queue: UInt32, _ ordinals: [UInt64]) throws(QueueError) {
        guard !ordinals.isEmpty else { return }
        try QueueError.typing("forget deleted messages") {
            try state.environment.write { held in
                var head = try state.head(of: queue, in: held)
                for ordinal in ordinals { try state.remove(queue, ordinal, &head, in: held) }
                try state.put(head, of: queue, in: held)
            }
        }
    }

    package func changeVisibility(
        _ changes: [(handle: MessageHandle, seconds: Int)],
        nowNanoseconds now: UInt64
    ) throws(QueueError) -> [QueueError?] {
        try QueueError.typing("change a visibility timeout") {
            try state.environment.write { held in
                try changes.map { change in
                    let (queue, ordinal) = (change.handle.queue, change.handle.ordinal)
                    guard var entry = try state.entry(queue, ordinal, in: held), entry.receive == change.handle.receive,
                        entry.visibleAtNanoseconds > now
                    else {
                        return QueueError(
                            .notInFlight,
                            "The message isn't in flight, or was received again since: receive it anew."
                        )
                    }
                    let old = entry
                    entry.visibleAtNanoseconds = now + UInt64(change.seconds) * 1_000_000_000
                    var head = try state.head(of: queue, in: held)
                    try state.put(entry, replacing: old, queue, ordinal, &head, in: held)
                    return nil
                }
            }
        }
    }

    // MARK: - Reading

    private func reading<Result>(
        _ operation: @autoclosure () -> String,
        _ body: (borrowing ReadTransaction) throws -> Result
    ) throws(QueueError) -> Result {
        try QueueError.typing(operation()) { try log.environment.read(body) }
    }

    private func forEachMessage(
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
