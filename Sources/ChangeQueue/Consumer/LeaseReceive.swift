/// A receive of `sqs` or `sns`: they differ in what comes first.
protocol LeaseReceive {
    /// Who receives.
    var owner: OwnerID { get }
    /// The consumer's limits.
    var rules: LeaseRules { get }
    /// The wall clock, nanoseconds.
    var nowNanoseconds: UInt64 { get }

    /// What to read from the log.
    func wanted(from state: inout LeaseState, _ bounds: LogBounds) -> WantedRecords
}

extension LeaseReceive {
    /// Hands out what was read, ascending.
    /// - Returns: a lease for each part with its own receive count.
    func take(_ sequences: some Sequence<UInt64>, from state: inout LeaseState) -> [Lease] {
        state.handOut(sequences, to: owner, visibleAt: rules.visibleAt(nowNanoseconds))
    }
}
