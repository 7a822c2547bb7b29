/// ChangeMessageVisibility: the records are received again when the time is over, not before.
struct SQSChangeVisibility {
    let handles: [ReceiptHandle]
    let visibleAt: UInt64

    /// Gives back what the handles hold.
    func apply(to state: inout LeaseState) {
        let runs = HandleRuns(handles)
        state.leases.carve(runs.ranges) { lease, run in
            guard lease.receive != 0, lease.receive == runs.receives[run] else { return .keep }
            return .replace(lease.givenBack(visibleAt: visibleAt))
        }
    }
}
