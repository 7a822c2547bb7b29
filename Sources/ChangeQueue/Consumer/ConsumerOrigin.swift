import SluiceCore

/// Where a consumer begins that has no state.
struct ConsumerOrigin: Sendable {
    /// The directory of the consumer state.
    let directory: String
    /// The log that is consumed.
    let logID: UInt32

    /// After this record: the durable checkpoint of the same log, or 0, the oldest record that there is (TRIM_HORIZON):
    /// what was published before the first publisher was started is delivered, too.
    func cursor(_ queue: QueueID) -> UInt64 {
        let checkpoint = DurableCheckpoint.read(DurableCheckpoint.path(queue, in: directory))
        guard let checkpoint, checkpoint.logID == logID else { return 0 }
        return checkpoint.retiredThrough
    }
}
