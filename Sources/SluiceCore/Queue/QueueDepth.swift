/// The figures that operations look at.
public struct QueueDepth: Sendable, Equatable {
    /// The queue that was looked at.
    public var queue: QueueID
    /// Records that a receive would return now.
    public var visible: UInt64 = 0
    /// Records handed to a publisher and not yet retired.
    public var inFlight: UInt64 = 0
    /// Records that wait for a retry.
    public var delayed: UInt64 = 0
    /// Messages in the dead-letter queue that the publishers use: records given up after too many attempts.
    public var deadLettered: UInt64 = 0
    /// Age of the oldest record that isn't retired, seconds; 0 when there is none.
    public var oldestAgeSeconds: Double = 0
    /// Records in the change log, retired or not.
    public var logRecords: UInt64 = 0
    /// Bytes of the log's pages that hold records.
    public var logBytes: UInt64 = 0
    /// Bytes of the log's map in use, free pages not counted.
    public var mapUsedBytes: UInt64 = 0
    /// Size of the log's map in bytes.
    public var mapSizeBytes: UInt64 = 0
    /// The newest sequence number.
    public var lastSequence: SequenceNumber = .none

    /// An empty queue.
    public init(queue: QueueID) { self.queue = queue }
}
