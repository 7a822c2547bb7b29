import ChangeQueue
import SluiceCore

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
