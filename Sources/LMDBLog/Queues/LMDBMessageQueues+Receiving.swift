import LMDB
package import QueueEngine
package import Queues
import SluiceCore
import Synchronization

/// Handing messages out, and what their receivers do with them.
extension LMDBMessageQueues {
    /// New messages that one receive looks at when they are all delayed.
    private static let maximumFresh = 1_000
    /// Kept entries that one receive looks at beyond those that it may hand out.
    private static let furtherDue = 64

    package func receive(from queue: MessageQueue, _ request: ReceiveRequest) throws(QueueError) -> ReceiveOutcome {
        try QueueError.typing("receive from \(queue.id)") {
            try state.environment.write { held in
                // Read behind the lock: whatever another process has noted of a message, this sees the message.
                try log.environment.read { stored in
                    var run = ReceiveRun(
                        queue: try withoutMissingTarget(queue, stored),
                        request: request,
                        head: try state.head(of: queue.number, in: held)
                    )
                    run.outcome.isOverLimit = try isOverLimit(run.head, queue, request, in: held)
                    switch (run.outcome.isOverLimit, queue.isFIFO) {
                    case (true, _): break
                    case (false, true): try receiveOrdered(&run, stored, held)
                    case (false, false):
                        try receiveDue(&run, stored, held)
                        try receiveFresh(&run, stored, held)
                    }
                    noteReceived(run.outcome, of: queue.number)
                    run.head.nextReceive += 1
                    try state.put(run.head, of: queue.number, in: held)
                    return run.outcome
                }
            }
        }
    }

    /// The queue as its receivers have it: where the dead-letter queue was deleted, messages are received on and on, as they would be without one.
    private func withoutMissingTarget(
        _ queue: MessageQueue,
        _ stored: borrowing ReadTransaction
    ) throws -> MessageQueue {
        guard let target = queue.attributes.redrive?.deadLetterQueue, let queues = log.databases.queues,
            try !stored.contains(queues, Array(target.name.utf8))
        else { return queue }
        var queue = queue
        queue.attributes.redrive = nil
        return queue
    }

    private func isOverLimit(
        _ head: ReceiveState.Head,
        _ queue: MessageQueue,
        _ request: ReceiveRequest,
        in held: borrowing WriteTransaction
    ) throws -> Bool {
        // Counted only when it may be so: entries are delayed and visible ones, too.
        guard head.entries + UInt64(request.maximum) > maximumInFlight else { return false }
        let now = request.nowNanoseconds
        if let known = counts.withLock({ $0[queue.number] }), known.isValid(nowNanoseconds: now) {
            return known.inFlight + UInt64(request.maximum) > maximumInFlight
        }
        var inFlight: UInt64 = 0
        var earliest: UInt64?
        if queue.isFIFO {
            inFlight = try state.inFlightOrdered(of: queue.number, nowNanoseconds: now, in: held)
            try state.groups.forEachBlocked(of: queue.number, from: now + 1, in: held) { until, _ in
                earliest = until
                return false
            }
        } else {
            try state.forEachTime(of: queue.number, from: now + 1, in: held) { time, ordinal in
                earliest = earliest ?? time
                if try state.entry(queue.number, ordinal, in: held)?.receiveCount ?? 0 > 0 { inFlight += 1 }
                return true
            }
        }
        let isOver = inFlight + UInt64(request.maximum) > maximumInFlight
        let count = InFlightCount(inFlight: inFlight, isOver: isOver, nowNanoseconds: now, earliestVisible: earliest)
        counts.withLock { $0[queue.number] = count }
        return isOver
    }

    /// So many more are in flight.
    private func noteReceived(_ outcome: ReceiveOutcome, of queue: UInt32) {
        let count = UInt64(outcome.received.count + outcome.deadLetters.count)
        counts.withLock { $0[queue]?.inFlight += count }
    }

    /// Some are in flight no more.
    private func noteReleased(of queue: UInt32) {
        counts.withLock { counts in
            if counts[queue]?.isOver == true { counts[queue] = nil }
        }
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
        run.outcome.looksFurther = !run.isFull && fresh.count == LMDBMessageQueues.maximumFresh
    }

    /// Judges one message and keeps what follows; false when there is no such message.
    private func take(
        _ ordinal: UInt64,
        _ entry: ReceiveEntry?,
        _ run: inout ReceiveRun,
        _ stored: borrowing ReadTransaction,
        _ held: borrowing WriteTransaction
    ) throws -> Bool {
        guard let decoded = try decoded(ordinal, run.queue.number, stored) else { return false }
        let kept = run.judge(ordinal, decoded, entry).kept
        try state.put(kept, replacing: entry, run.queue.number, ordinal, &run.head, in: held)
        return true
    }

    /// A stored message, or why it can't be read; nil when it isn't there.
    func decoded(
        _ ordinal: UInt64,
        _ queue: UInt32,
        _ stored: borrowing ReadTransaction
    ) throws -> Result<QueueMessage, QueueError>? {
        guard let messages = log.databases.messages else { return nil }
        return try stored.get(messages, QueueCatalogue.messageKey(queue, ordinal)) { MessageQueueReader.decoded($0) }
    }

    package func standing(
        of handles: [MessageHandle],
        nowNanoseconds now: UInt64
    ) throws(QueueError) -> [HandleStanding] {
        try QueueError.typing("look up handles") {
            try state.environment.read { held in
                try handles.map { handle in
                    guard let entry = try state.entry(handle.queue, handle.ordinal, in: held) else { return .gone }
                    guard entry.receive == handle.receive else { return .stale }
                    return entry.visibleAtNanoseconds > now ? .inFlight : .lapsed
                }
            }
        }
    }

    package func forget(queue: UInt32, _ ordinals: [UInt64]) throws(QueueError) {
        guard !ordinals.isEmpty else { return }
        defer { noteReleased(of: queue) }
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
        defer { for change in changes { noteReleased(of: change.handle.queue) } }
        return try QueueError.typing("change a visibility timeout") {
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
                    let group = try state.group(of: ordinal, queue, in: held)
                    try state.put(entry, replacing: old, queue, ordinal, of: group, &head, in: held)
                    if let group {
                        try hide(ordinal, of: group, until: change.seconds == 0 ? nil : entry, queue, &head, held)
                    }
                    try state.put(head, of: queue, in: held)
                    return nil
                }
            }
        }
    }

    /// A message in flight stays so until another time, or with nil is visible again.
    private func hide(
        _ ordinal: UInt64,
        of name: ByteString,
        until entry: ReceiveEntry?,
        _ queue: UInt32,
        _ head: inout ReceiveState.Head,
        _ held: borrowing WriteTransaction
    ) throws {
        guard let entry else { return try state.release(ordinal, of: name, queue, &head, in: held) }
        guard let old = try state.groups.group(name, of: queue, in: held) else { return }
        var group = old
        group.hide(ordinal, untilNanoseconds: entry.visibleAtNanoseconds)
        try state.groups.put(group, replacing: old, name, of: queue, in: held)
    }

    package func forgetAll(of queue: UInt32) throws(QueueError) {
        try QueueError.typing("forget a deleted queue") {
            while try state.environment.write({ try state.removeAll(of: queue, maximum: 10_000, in: $0) }) {}
        }
    }

    package func forgetAttempts(nowNanoseconds now: UInt64) throws(QueueError) {
        let before = now - min(now, ReceiveAttempt.keptNanoseconds)
        try QueueError.typing("forget old attempts") {
            try state.environment.write { try state.groups.forgetAttempts(before: before, maximum: 10_000, in: $0) }
        }
    }
}
