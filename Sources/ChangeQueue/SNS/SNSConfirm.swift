/// The subscriber has taken the push: nothing of it is kept.
struct SNSConfirm {
    let handles: [ReceiptHandle]

    /// Forgets what the handles hold.
    func apply(to state: inout LeaseState) {
        let runs = HandleRuns(handles)
        state.leases.carve(runs.ranges) { lease, run in
            lease.receive != 0 && lease.receive == runs.receives[run] ? .remove : .keep
        }
    }
}
