/// ReceiveMessage: what is visible again first, in the order of the log, then records that nobody has had.
struct SQSReceive: LeaseReceive {
    let owner: OwnerID
    let rules: LeaseRules
    let maximumRecords: UInt64
    let nowNanoseconds: UInt64

    /// What to read from the log.
    func wanted(from state: inout LeaseState, _ bounds: LogBounds) -> WantedRecords {
        state.trim(before: bounds.first)
        var wanted = WantedRecords()
        wanted.ranges = state.leases.due(nowNanoseconds: nowNanoseconds, maximumRecords: maximumRecords)
        let due = wanted.ranges.reduce(0) { $0 + $1.count }
        let held = state.leases.recordCount
        let room = min(maximumRecords - due, held < rules.maximumInFlight ? rules.maximumInFlight - held : 0)
        wanted.addUntouched(after: state.cursor, room: room, bounds)
        return wanted
    }
}
