import ChangeQueue
import SluiceCore

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
