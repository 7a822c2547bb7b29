import Queues

/// Which subscriptions are worth a look, as a value: those that got messages since the last one, and those whose time has come.
struct DeliveryTurns: Sendable {
    private enum Phase: Sendable {
        /// Somebody delivers its messages; the highest ordinal that was seen meanwhile.
        case running(seen: UInt64)
        /// Nothing could be taken: not before a message with a higher ordinal comes, or this time, nanoseconds since 1970.
        case waiting(after: UInt64, untilNanoseconds: UInt64)
    }

    private var phases: [UInt32: Phase] = [:]
    /// Those whose last delivery failed: they have one at a time.
    private var failing: Set<UInt32> = []

    /// Decides whether a subscription's deliveries begin now.
    mutating func begin(_ waiting: WaitingDeliveries, nowNanoseconds now: UInt64) -> Bool {
        switch phases[waiting.queue] {
        case .running(let seen):
            phases[waiting.queue] = .running(seen: max(seen, waiting.lastOrdinal))
            return false
        case .waiting(let ordinal, let time) where waiting.lastOrdinal <= ordinal && now < time: return false
        default:
            phases[waiting.queue] = .running(seen: waiting.lastOrdinal)
            return true
        }
    }

    /// They are over: there is nothing to take before this time.
    /// - Returns: whether something came meanwhile that may have been missed.
    mutating func end(_ waiting: WaitingDeliveries, nextAtNanoseconds: UInt64) -> Bool {
        defer {
            phases[waiting.queue] = .waiting(after: waiting.lastOrdinal, untilNanoseconds: nextAtNanoseconds)
        }
        guard case .running(let seen) = phases[waiting.queue] else { return false }
        return seen > waiting.lastOrdinal
    }

    /// Forgets what has no messages any more.
    mutating func keep(_ waiting: [WaitingDeliveries]) {
        let present = Set(waiting.map(\.queue))
        phases = phases.filter { queue, phase in
            if case .running = phase { return true }
            return present.contains(queue)
        }
        failing.formIntersection(phases.keys)
    }

    /// The next time at which one of those that wait can be taken, nanoseconds since 1970.
    var nextAtNanoseconds: UInt64 {
        phases.values.reduce(.max) { next, phase in
            if case .waiting(_, let time) = phase { return min(next, time) }
            return next
        }
    }

    /// Notes how the last delivery of a subscription ended.
    mutating func note(_ queue: UInt32, isFailing: Bool) {
        if isFailing { failing.insert(queue) } else { failing.remove(queue) }
    }

    /// How many of a subscription's messages may be on their way at once.
    func concurrency(of queue: UInt32) -> Int { failing.contains(queue) ? 1 : DeliveryTurns.maximumConcurrency }

    /// Messages of one subscription that may be on their way at once.
    static let maximumConcurrency = 4
}
