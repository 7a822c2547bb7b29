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
