import ChangeQueue
import SluiceCore

/// ReceiveMessage, or a push: what to read from the log, and what is handed out of it.
struct LeaseReceive {
    let owner: OwnerID
    let rules: LeaseRules
    let maximumRecords: UInt64
    let nowNanoseconds: UInt64

    /// What to read from the log.
    func wanted(from state: inout LeaseState, _ bounds: LogBounds) -> WantedRecords {
        state.trim(before: bounds.first)
        let held = state.leases.recordCount
        let free = held < rules.maximumInFlight ? rules.maximumInFlight - held : 0
        let untouched = min(bounds.last - min(bounds.last, state.cursor), free, maximumRecords)
        let maximumDue =
            switch rules.receiveMode {
            // What is visible again first, in the order of the log, then records that nobody has had.
            case .pull: maximumRecords
            // New ones are pushed at once, however many wait for a retry; the retries that are due get what is left, at least half.
            case .push: max(maximumRecords - untouched, (maximumRecords + 1) / 2)
            }
        var wanted = WantedRecords()
        wanted.ranges = state.leases.due(nowNanoseconds: nowNanoseconds, maximumRecords: maximumDue)
        let due = wanted.ranges.reduce(0) { $0 + $1.count }
        wanted.addUntouched(after: state.cursor, room: min(maximumRecords - due, untouched), bounds)
        return wanted
    }

    /// Hands out what was read, ascending.
    /// - Returns: a lease for each part with its own receive count.
    func lease(_ sequences: some Sequence<UInt64>, from state: inout LeaseState) -> [Lease] {
        state.handOut(sequences, to: owner, visibleAt: rules.visibleAt(nowNanoseconds))
    }
}

/// What a receive asks the log for: ranges that are read in this order until enough was read.
struct WantedRecords: Hashable {
    /// Ascending and disjoint.
    var ranges: [SequenceRange] = []

    /// Adds records that nobody has had.
    mutating func addUntouched(after cursor: UInt64, room: UInt64, _ bounds: LogBounds) {
        guard room > 0, cursor < bounds.last else { return }
        let count = min(room, bounds.last - cursor)
        ranges.append(SequenceRange(cursor + 1, cursor + count))
    }
}

/// DeleteMessage, or a push that was taken: the records leave the queue.
///
/// A handle is good until its record is received again, also when its time is over.
struct LeaseDelete {
    let handles: [ReceiptHandle]

    /// Removes what the handles hold.
    func apply(to state: inout LeaseState) {
        let runs = HandleRuns(handles)
        state.leases.carve(runs.ranges) { lease, run in
            lease.receive != 0 && lease.receive == runs.receives[run] ? .remove : .keep
        }
    }
}

/// ChangeMessageVisibility, or a push that wasn't taken: the records are received again when the time is over, not before.
///
/// In a queue that pushes, each record waits by its own number of attempts: the wait doubles with each of them, and is never shorter than the
/// caller's.
struct LeaseRetry {
    let handles: [ReceiptHandle]
    let rules: LeaseRules
    let delayNanoseconds: UInt64
    let nowNanoseconds: UInt64

    /// Gives back what the handles hold.
    func apply(to state: inout LeaseState) {
        let runs = HandleRuns(handles)
        state.leases.carve(runs.ranges) { lease, run in
            guard lease.receive != 0, lease.receive == runs.receives[run] else { return .keep }
            let wait =
                switch rules.receiveMode {
                case .pull: delayNanoseconds
                case .push: max(delayNanoseconds, rules.backoffNanoseconds(attempts: lease.receiveCount))
                }
            return .replace(lease.givenBack(visibleAt: nowNanoseconds.saturatingAdd(wait)))
        }
    }
}

/// A publisher that lives keeps what it holds hidden.
struct LeaseExtension {
    let owner: OwnerID
    let rules: LeaseRules
    let nowNanoseconds: UInt64

    /// Renews what would be visible soon; the rest stays as it is, so that most heartbeats write nothing.
    func apply(to state: inout LeaseState) {
        let soon = nowNanoseconds.saturatingAdd(rules.visibilityNanoseconds / 3 * 2)
        let renewed = rules.visibleAt(nowNanoseconds)
        let isDue = { (lease: Lease) in lease.owner == owner && lease.receive != 0 && lease.visibleAt < soon }
        guard state.leases.leases.contains(where: isDue) else { return }
        state.leases.update { lease in
            guard isDue(lease) else { return lease }
            var lease = lease
            lease.visibleAt = renewed
            return lease
        }
    }
}

/// What publishers held that are gone is visible at once.
struct LeaseTakeOver {
    let owners: Set<OwnerID>
    let nowNanoseconds: UInt64

    /// Gives back everything of theirs.
    /// - Returns: how many records.
    @discardableResult
    func apply(to state: inout LeaseState) -> UInt64 {
        guard state.leases.leases.contains(where: { owners.contains($0.owner) }) else { return 0 }
        var records: UInt64 = 0
        state.leases.update { lease in
            guard owners.contains(lease.owner) else { return lease }
            records += lease.range.count
            return lease.givenBack(visibleAt: nowNanoseconds)
        }
        return records
    }
}

/// Receipt handles put together to ranges, so that a batch that is answered as a whole is one step.
struct HandleRuns {
    /// Ascending and disjoint.
    private(set) var ranges: [SequenceRange] = []
    /// The receive that each range's handles come from.
    private(set) var receives: [UInt64] = []

    init(_ handles: [ReceiptHandle]) {
        var previous: ReceiptHandle?
        let isSorted = handles.allSatisfy { handle in
            defer { previous = handle }
            return previous.map { $0.sequence < handle.sequence } ?? true
        }
        if isSorted {
            for handle in handles { add(handle) }
        } else {
            // Of two handles of one record the later one counts: the other is stale.
            for handle in handles.sorted(by: { ($0.sequence, $1.receive) < ($1.sequence, $0.receive) }) { add(handle) }
        }
    }

    private mutating func add(_ handle: ReceiptHandle) {
        let sequence = handle.sequence.rawValue
        if let last = ranges.last, sequence <= last.last { return }
        if let last = ranges.last, receives.last == handle.receive, sequence - last.last == 1 {
            ranges[ranges.count - 1].last = sequence
        } else {
            ranges.append(SequenceRange(sequence, sequence))
            receives.append(handle.receive)
        }
    }
}
