/// What a queue's messages are taken by.
public enum QueueKind: String, CaseIterable, Sendable {
    /// Messages are leased for a visibility timeout and deleted.
    case standard
    /// Shards are read in order from a checkpoint, and trimmed by retention.
    case stream
}

/// In which order a standard queue hands messages out, and how long those wait that are given back.
public enum ReceiveMode: String, CaseIterable, Sendable {
    /// As consumers of SQS poll: what is visible again comes first, and waits for as long as it was given back for.
    case pull
    /// As SNS pushes: new messages first, each alone; one that failed waits by the number of its attempts.
    case push
}

/// How a queue behaves, apart from its name and from what is in it.
public struct QueueAttributes: Hashable, Sendable {
    /// What messages are taken by.
    ///
    /// It can't be changed once the queue exists.
    public var kind: QueueKind
    /// How a standard queue hands messages out.
    public var receiveMode: ReceiveMode
    /// How long a received message is hidden from other consumers when its own neither shows life nor dies.
    public var visibilityTimeout: Duration = .seconds(30)
    /// Messages that may be received and not retired, over all consumers (as in SQS).
    ///
    /// Beyond it nothing new is handed out, only what was handed out before.
    public var maximumInFlight = 120_000
    /// Shards that a stream begins with, 1 to 255.
    ///
    /// Later they are split and merged.
    public var shards = 8
    /// Shortest wait before a push is tried again; it doubles with each attempt.
    public var retryMinimum: Duration = .milliseconds(100)
    /// Longest wait before a push is tried again.
    public var retryMaximum: Duration = .seconds(20)

    /// The defaults of a kind.
    public init(kind: QueueKind = .standard, receiveMode: ReceiveMode = .pull) {
        self.kind = kind
        self.receiveMode = receiveMode
    }
}
