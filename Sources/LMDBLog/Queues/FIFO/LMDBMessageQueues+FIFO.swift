import LMDB
import QueueEngine
import Queues
import SluiceCore

/// Receiving from FIFO queues: group after group by their turns, of each what comes next.
extension LMDBMessageQueues {
    /// Groups that one receive looks at, learns of, or wakes.
    private static let maximumGroups = 1_000
    /// Messages of a group that one receive may pass over, since they are about to be removed or can't be read.
    private static let maximumPassedOver = 16

    func receiveOrdered(
        _ run: inout ReceiveRun,
        _ stored: borrowing ReadTransaction,
        _ held: borrowing WriteTransaction
    ) throws {
        guard let database = log.databases.ordered else { return }
        let ordered = OrderedMessages(database: database)
        if try repeatAttempt(&run, stored, held) { return }
        try wakeGroups(&run, stored, held)
        try learnGroups(&run, ordered, stored, held)
        let names = try state.groups.ready(of: run.queue.number, maximum: LMDBMessageQueues.maximumGroups, in: held)
        for name in names where !run.isFull {
            guard let old = try state.groups.group(name, of: run.queue.number, in: held) else { continue }
            if let group = try take(from: name, old, &run, ordered, stored, held) {
                try state.groups.put(group, replacing: old, name, of: run.queue.number, in: held)
            } else {
                try state.groups.remove(old, name, of: run.queue.number, in: held)
            }
        }
        try state.groups.forEachBlocked(of: run.queue.number, in: held) { until, _ in
            run.outcome.nextVisibleAtNanoseconds = until
            return false
        }
        try keepAttempt(run, held)
    }

    /// Makes blocked groups ready whose time has come.
    private func wakeGroups(
        _ run: inout ReceiveRun,
        _ stored: borrowing ReadTransaction,
        _ held: borrowing WriteTransaction
    ) throws {
        let (queue, now) = (run.queue.number, run.request.nowNanoseconds)
        var due: [ByteString] = []
        try state.groups.forEachBlocked(of: queue, in: held) { until, name in
            guard until <= now, due.count < LMDBMessageQueues.maximumGroups else { return false }
            due.append(name)
            return true
        }
        for name in due {
            guard let old = try state.groups.group(name, of: queue, in: held) else { continue }
            var group = old
            let lapsed = group.wake(nowNanoseconds: now, turn: run.head.takeTurn())
            try state.groups.put(group, replacing: old, name, of: queue, in: held)
            for ordinal in lapsed where try !isStored(ordinal, queue, stored) {
                // Deleted or moved, and its process ended before it could say so.
                try state.remove(queue, ordinal, &run.head, in: held)
            }
        }
    }

    private func isStored(_ ordinal: UInt64, _ queue: UInt32, _ stored: borrowing ReadTransaction) throws -> Bool {
        guard let messages = log.databases.messages else { return false }
        return try stored.contains(messages, QueueCatalogue.messageKey(queue, ordinal))
    }

    /// Puts groups in the line that have got their first message since the last receive.
    private func learnGroups(
        _ run: inout ReceiveRun,
        _ ordered: OrderedMessages,
        _ stored: borrowing ReadTransaction,
        _ held: borrowing WriteTransaction
    ) throws {
        var new: [ByteString] = []
        try ordered.forEachGroup(of: run.queue.number, after: run.head.cursor, stored) { number, name in
            run.head.cursor = number
            new.append(name)
            return new.count < LMDBMessageQueues.maximumGroups
        }
        for name in new where try state.groups.group(name, of: run.queue.number, in: held) == nil {
            let group = MessageGroup(turn: run.head.takeTurn())
            try state.groups.put(group, replacing: nil, name, of: run.queue.number, in: held)
        }
    }

    /// Takes what comes next in a group.
    /// - Returns: the group as it is then; nil when it has no messages.
    private func take(
        from name: ByteString,
        _ old: MessageGroup,
        _ run: inout ReceiveRun,
        _ ordered: OrderedMessages,
        _ stored: borrowing ReadTransaction,
        _ held: borrowing WriteTransaction
    ) throws -> MessageGroup? {
        let (queue, now) = (run.queue.number, run.request.nowNanoseconds)
        var ordinals: [UInt64] = []
        let maximum = run.request.maximum - run.outcome.received.count + LMDBMessageQueues.maximumPassedOver
        try ordered.forEachMessage(of: name, in: queue, stored) { ordinal in
            ordinals.append(ordinal)
            return ordinals.count < maximum
        }
        guard !ordinals.isEmpty else { return nil }
        var group = old
        var passedOver: UInt64?
        for ordinal in ordinals where !run.isFull {
            let entry = try state.entry(queue, ordinal, in: held)
            if let entry, entry.visibleAtNanoseconds > now {
                // About to be removed, or not readable.
                passedOver = min(passedOver ?? .max, entry.visibleAtNanoseconds)
                continue
            }
            guard let decoded = try decoded(ordinal, queue, stored) else { continue }
            let (verdict, kept) = run.judge(ordinal, decoded, entry)
            if case .wait(let entry)? = verdict {
                group.wait(untilNanoseconds: entry.visibleAtNanoseconds)
                return group
            }
            try state.put(kept, replacing: entry, queue, ordinal, of: name, &run.head, in: held)
            switch verdict {
            case .receive: group.hold(ordinal, untilNanoseconds: kept.visibleAtNanoseconds)
            case .deadLetter:
                // Those behind it wait until it has moved, so that the group is in order in the dead-letter queue, too.
                group.hold(ordinal, untilNanoseconds: kept.visibleAtNanoseconds)
                return group
            default: passedOver = min(passedOver ?? .max, kept.visibleAtNanoseconds)
            }
        }
        if let passedOver, group == old { group.wait(untilNanoseconds: passedOver) }
        return group
    }

    // MARK: - Attempts

    /// A receive with the attempt id of an earlier one gets the same messages, hidden anew, as long as all of them are in flight.
    private func repeatAttempt(
        _ run: inout ReceiveRun,
        _ stored: borrowing ReadTransaction,
        _ held: borrowing WriteTransaction
    ) throws -> Bool {
        let (queue, now) = (run.queue.number, run.request.nowNanoseconds)
        guard let id = run.request.attemptID,
            let attempt = try state.groups.attempt(id, of: queue, in: held), !attempt.ordinals.isEmpty,
            now < attempt.atNanoseconds.saturatingAdd(ReceiveAttempt.keptNanoseconds)
        else { return false }
        var repeated: [(message: ReceivedMessage, group: ByteString, old: ReceiveEntry)] = []
        for ordinal in attempt.ordinals {
            guard let old = try state.entry(queue, ordinal, in: held), old.receive == attempt.receive,
                old.visibleAtNanoseconds > now, case .success(let message)? = try decoded(ordinal, queue, stored),
                let name = message.groupID
            else { return false }
            let handle = MessageHandle(queue: queue, ordinal: ordinal, receive: attempt.receive)
            let entry = run.rules.hiddenAnew(old)
            repeated.append((ReceivedMessage(message: message, handle: handle, entry: entry), name, old))
        }
        for (received, name, old) in repeated.prefix(run.request.maximum) {
            let ordinal = received.handle.ordinal
            try state.put(received.entry, replacing: old, queue, ordinal, of: name, &run.head, in: held)
            if let group = try state.groups.group(name, of: queue, in: held) {
                var hidden = group
                hidden.hide(ordinal, untilNanoseconds: received.entry.visibleAtNanoseconds)
                try state.groups.put(hidden, replacing: group, name, of: queue, in: held)
            }
            run.outcome.received.append(received)
        }
        return true
    }

    private func keepAttempt(_ run: ReceiveRun, _ held: borrowing WriteTransaction) throws {
        guard let id = run.request.attemptID, !run.outcome.received.isEmpty else { return }
        let attempt = ReceiveAttempt(
            receive: run.rules.receive,
            atNanoseconds: run.request.nowNanoseconds,
            ordinals: run.outcome.received.map(\.handle.ordinal)
        )
        try state.groups.put(attempt, id, of: run.queue.number, in: held)
    }
}

extension ReceiveState {
    /// Messages of a FIFO queue in flight that are hidden at that time.
    func inFlightOrdered(
        of queue: UInt32,
        nowNanoseconds now: UInt64,
        in held: borrowing some Transaction & ~Copyable,
        upTo maximum: UInt64 = .max
    ) throws -> UInt64 {
        var inFlight: UInt64 = 0
        try groups.forEachBlocked(of: queue, from: now + 1, in: held) { _, name in
            let group = try groups.group(name, of: queue, in: held)
            inFlight += UInt64(group?.held.count { $0.visibleAtNanoseconds > now } ?? 0)
            return inFlight < maximum
        }
        return inFlight
    }
}
