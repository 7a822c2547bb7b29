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
    func take(_ sequences: some Sequence<UInt64>, from state: inout LeaseState) -> [Lease] {
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
