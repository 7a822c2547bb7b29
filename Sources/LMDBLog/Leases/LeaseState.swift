import ChangeQueue
import SluiceCore

/// The state of a standard queue, shared by all its publishers: a cursor in the log and what was handed out
/// before it and isn't retired.
///
/// A value; each operation of the queue is a type of its own that changes it.
struct LeaseState: Sendable {
    /// Every record up to this one was handed out, or trimmed before it could be.
    private(set) var cursor: UInt64
    /// The number that the next receive gets.
    ///
    /// It begins at the time when the state was made, so that handles of a state that was lost can't be taken for
    /// those of the new one.
    private(set) var nextReceive: UInt64
    /// What was handed out and isn't retired.
    var leases: LeaseTable
    private var isHeadChanged = false
    private var trimmed: UInt64 = 0

    /// A consumer that goes on after `cursor`.
    init(cursor: UInt64, nextReceive: UInt64, leases: LeaseTable = LeaseTable()) {
        self.cursor = cursor
        self.nextReceive = max(nextReceive, 1)
        self.leases = leases
    }

    /// Whether ``cursor`` or ``nextReceive`` was changed since the last call.
    mutating func takeHeadChange() -> Bool {
        defer { isHeadChanged = false }
        return isHeadChanged
    }

    /// Every record up to this one is retired: where a consumer that has lost its state goes on.
    var retiredThrough: UInt64 {
        guard let lease = leases.leases.first, lease.range.first <= cursor else { return cursor }
        return lease.range.first - 1
    }

    /// Hands records out: those at or before the cursor are received again, the others for the first time.
    /// - Parameters:
    ///   - sequences: what was read, ascending.
    ///   - owner: who gets them.
    ///   - visibleAt: when they are visible again if nothing is heard of them.
    /// - Returns: one lease a part with its own receive count, in the order of `sequences`.
    mutating func handOut(_ sequences: some Sequence<UInt64>, to owner: OwnerID, visibleAt: UInt64) -> [Lease] {
        let runs = SequenceRange.runs(sequences)
        guard let last = runs.last?.last else { return [] }
        let receive = nextReceive
        nextReceive = nextReceive == .max ? 1 : nextReceive + 1
        isHeadChanged = true
        var granted: [Lease] = []
        var again: [SequenceRange] = []
        for run in runs {
            if let old = run.overlap(SequenceRange(0, cursor)) { again.append(old) }
        }
        leases.carve(again) { lease, _ in
            var taken = lease
            taken.receive = receive
            taken.owner = owner
            taken.visibleAt = visibleAt
            taken.receiveCount = lease.receiveCount == .max ? .max : lease.receiveCount + 1
            granted.append(taken)
            return .replace(taken)
        }
        guard last > cursor else { return granted }
        for run in runs {
            guard let new = run.overlap(SequenceRange(cursor + 1, last)) else { continue }
            let lease = Lease(range: new, receive: receive, owner: owner, visibleAt: visibleAt, receiveCount: 1)
            leases.append(lease)
            granted.append(lease)
        }
        cursor = last
        return granted
    }

    /// Forgets what retention has trimmed: nobody can be given it any more.
    mutating func trim(before first: UInt64) {
        guard first > 1 else { return }
        if cursor < first - 1 {
            trimmed += first - 1 - cursor
            cursor = first - 1
            isHeadChanged = true
        }
        guard let lowest = leases.leases.first, lowest.range.first < first else { return }
        let held = leases.recordCount
        leases.carve([SequenceRange(0, first - 1)]) { _, _ in .remove }
        trimmed += held - leases.recordCount
    }

    /// Passes over what another queue has delivered.
    mutating func skip(through sequence: UInt64) {
        if cursor < sequence {
            cursor = sequence
            isHeadChanged = true
        }
        guard let lowest = leases.leases.first, lowest.range.first <= sequence else { return }
        leases.carve([SequenceRange(0, sequence)]) { _, _ in .remove }
    }

    /// How many records were trimmed before they were retired, since the last call.
    mutating func takeTrimmed() -> UInt64 {
        defer { trimmed = 0 }
        return trimmed
    }

    /// Goes back to the log's end when the log is older than the state, as after a restore: numbers behind it will be
    /// given anew.
    mutating func cut(after last: UInt64) {
        guard cursor > last else { return }
        leases.carve([SequenceRange(last + 1, cursor)]) { _, _ in .remove }
        cursor = last
        isHeadChanged = true
    }
}

extension LeaseState {
    /// The queue's figures but for those of the log; exact.
    func depth(of queue: QueueID, _ bounds: LogBounds, nowNanoseconds now: UInt64) -> QueueDepth {
        var depth = QueueDepth(queue: queue)
        let untouched = max(cursor, bounds.first - min(bounds.first, 1))
        depth.visible = bounds.last - min(bounds.last, untouched)
        for lease in leases.leases {
            // What was trimmed since the last receive is no one's any more.
            guard let held = lease.range.overlap(SequenceRange(bounds.first, .max)) else { continue }
            switch lease.state(nowNanoseconds: now) {
            case .visible: depth.visible += held.count
            case .inFlight: depth.inFlight += held.count
            case .delayed: depth.delayed += held.count
            }
        }
        return depth
    }

    /// What isn't retired, ascending.
    func unretired(_ bounds: LogBounds) -> [SequenceRange] {
        guard bounds.last >= bounds.first else { return [] }
        let log = SequenceRange(bounds.first, bounds.last)
        var ranges = leases.leases.compactMap { $0.range.overlap(log) }
        if cursor < bounds.last { ranges.append(SequenceRange(max(cursor + 1, bounds.first), bounds.last)) }
        return ranges
    }

    /// Where a record stands and how often it was received; nil when it is retired.
    func standing(of sequence: UInt64, nowNanoseconds now: UInt64) -> RecordStanding? {
        if sequence > cursor { return RecordStanding(state: .visible, receiveCount: 0) }
        guard let lease = leases.lease(of: sequence) else { return nil }
        return RecordStanding(state: lease.state(nowNanoseconds: now), receiveCount: Int(lease.receiveCount))
    }
}

/// The ``QueueAttributes`` as the operations take them.
struct LeaseRules: Sendable {
    /// What comes first, and how long what is given back waits.
    let receiveMode: ReceiveMode
    /// How long a record is hidden, nanoseconds.
    let visibilityNanoseconds: UInt64
    /// Records that may be handed out and not retired.
    let maximumInFlight: UInt64
    /// The wait after the first attempt of a push, nanoseconds.
    let retryMinimumNanoseconds: UInt64
    /// The longest wait after an attempt of a push, nanoseconds.
    let retryMaximumNanoseconds: UInt64

    init(_ attributes: QueueAttributes) {
        receiveMode = attributes.receiveMode
        visibilityNanoseconds = max(attributes.visibilityTimeout.wholeNanoseconds, 1_000_000)
        maximumInFlight = UInt64(clamping: max(attributes.maximumInFlight, 1))
        retryMinimumNanoseconds = attributes.retryMinimum.wholeNanoseconds
        retryMaximumNanoseconds = max(attributes.retryMaximum.wholeNanoseconds, retryMinimumNanoseconds)
    }

    /// When what is received now is visible again by itself.
    func visibleAt(_ nowNanoseconds: UInt64) -> UInt64 { nowNanoseconds.saturatingAdd(visibilityNanoseconds) }

    /// The wait after so many attempts of a push: doubling, up to the longest one.
    func backoffNanoseconds(attempts: UInt32) -> UInt64 {
        let doublings = min(attempts == 0 ? 0 : attempts - 1, 40)
        let (wait, overflows) = retryMinimumNanoseconds.multipliedReportingOverflow(by: 1 << UInt64(doublings))
        return overflows ? retryMaximumNanoseconds : min(wait, retryMaximumNanoseconds)
    }
}
