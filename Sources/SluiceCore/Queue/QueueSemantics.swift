/// How a consumer takes records from the log.
public enum QueueSemantics: String, CaseIterable, Sendable {
    /// Each record is pushed at once, alone, with retries per subscription.
    case sns
    /// Records are leased in batches for a visibility timeout and deleted.
    case sqs
    /// Shards are read in order from a checkpoint.
    case stream
}
