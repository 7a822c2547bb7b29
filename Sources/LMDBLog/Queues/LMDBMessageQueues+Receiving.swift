import LMDB
package import QueueEngine
package import Queues
import SluiceCore

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
                        queue: queue,
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
        if queue.isFIFO {
            inFlight = try state.inFlightOrdered(
                of: queue.number,
                nowNanoseconds: request.nowNanoseconds,
                in: held,
                upTo: maximumInFlight
            )
            return inFlight + UInt64(request.maximum) > maximumInFlight
        }
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
