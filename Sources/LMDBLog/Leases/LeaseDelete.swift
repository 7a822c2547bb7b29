import ChangeQueue

/// DeleteMessage, or a push that was taken: the records leave the queue.
///
/// A handle is good until its record is received again, also when its time is over.
struct LeaseDelete {
    let handles: [ReceiptHandle]

    /// Removes what the handles hold.
    func apply(to state: inout LeaseState) {
        let runs = HandleRuns(handles)
        state.leases.carve(runs.ranges) { lease, run in
            lease.receive != 0 && lease.receive == runs.receives[run] ? .remove : .keep
        }
    }
}
