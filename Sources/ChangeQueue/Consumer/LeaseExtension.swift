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
