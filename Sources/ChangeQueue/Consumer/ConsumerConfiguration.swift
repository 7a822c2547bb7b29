/// The limits of a ``ChangeQueue``.
public struct ConsumerConfiguration: Sendable {
    /// How long a received record is hidden from other publishers when its own neither shows life nor dies.
    public var visibilityTimeout: Duration = .seconds(30)
    /// Records that may be received and not retired, over all publishers (as in SQS).
    ///
    /// Beyond it nothing new is handed out, only what was handed out before.
    public var maximumInFlight = 120_000
    /// Shards of a `stream` consumer, 1 to 255.
    ///
    /// The number that the consumer began with stays.
    public var shards = 8
    /// Shortest wait before an `sns` push is tried again; it doubles with each attempt.
    public var retryMinimum: Duration = .milliseconds(100)
    /// Longest wait before an `sns` push is tried again.
    public var retryMaximum: Duration = .seconds(20)
    /// Bytes to which the consumer state may grow.
    ///
    /// The file is sparse; 120,000 records in flight, each apart, take about 20 MiB.
    public var mapSizeBytes = 256 << 20

    /// The defaults.
    public init() {}
}
