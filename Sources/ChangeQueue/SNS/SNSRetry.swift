import SluiceCore

/// The subscriber hasn't taken the push: it is tried again, each record by its own number of attempts.
///
/// The wait doubles with each of them, and is never shorter than the caller's.
struct SNSRetry {
    let handles: [ReceiptHandle]
    let rules: LeaseRules
    let delayNanoseconds: UInt64
    let nowNanoseconds: UInt64

    /// Gives back what the handles hold.
    func apply(to state: inout LeaseState) {
        let runs = HandleRuns(handles)
        state.leases.carve(runs.ranges) { lease, run in
            guard lease.receive != 0, lease.receive == runs.receives[run] else { return .keep }
            let wait = max(delayNanoseconds, rules.backoffNanoseconds(attempts: lease.receiveCount))
            return .replace(lease.givenBack(visibleAt: nowNanoseconds.saturatingAdd(wait)))
        }
    }
}
