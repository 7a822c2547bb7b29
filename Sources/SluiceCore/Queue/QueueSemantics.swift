/// How publishers take the change log's records: what `--queue` chooses.
///
/// Each is a queue with attributes of its own, and this is the one place that tells them apart
/// (docs/decisions/one-log-many-queues.md).
public enum QueueSemantics: String, CaseIterable, Sendable {
    /// Each record is pushed at once, alone, with retries per subscription.
    case sns
    /// Records are leased in batches for a visibility timeout and deleted.
    case sqs
    /// Shards are read in order from a checkpoint.
    case stream

    /// The queue's name: each of the three has its own position in the log.
    public var queueID: QueueID { QueueID(alreadyChecked: rawValue) }

    /// What the queue is like.
    public var attributes: QueueAttributes {
        switch self {
        case .sns: QueueAttributes(kind: .standard, receiveMode: .push)
        case .sqs: QueueAttributes(kind: .standard, receiveMode: .pull)
        case .stream: QueueAttributes(kind: .stream)
        }
    }
}
