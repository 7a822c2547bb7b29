/// Takes records to push: new ones are pushed at once, however many wait for a retry, and the retries that are due get
/// what is left of the room, at least half of it.
struct SNSPush: LeaseReceive {
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
        let retries = max(maximumRecords - untouched, (maximumRecords + 1) / 2)
        var wanted = WantedRecords()
        wanted.ranges = state.leases.due(nowNanoseconds: nowNanoseconds, maximumRecords: retries)
        let due = wanted.ranges.reduce(0) { $0 + $1.count }
        wanted.addUntouched(after: state.cursor, room: min(maximumRecords - due, untouched), bounds)
        return wanted
    }
}
