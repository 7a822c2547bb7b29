public import SluiceCore

/// Sizes of the change log.
public struct LogStatistics: Hashable, Sendable {
    /// Records in the log.
    public let logRecords: UInt64
    /// Bytes of the pages that hold them.
    public let logBytes: UInt64
    /// Bytes of the map in use by records, items and heads; free pages are not counted.
    public let mapUsedBytes: UInt64
    /// The configured size of the map, bytes.
    public let mapSizeBytes: UInt64
    /// The oldest record's number, or the next one that will be given when the log is empty.
    public let firstSequence: SequenceNumber
    /// The newest number that was given.
    public let lastSequence: SequenceNumber
    /// When the oldest record was accepted, wall clock, nanoseconds since 1970; nil when the log is empty.
    public let oldestAcceptedAtWallNanoseconds: UInt64?

    /// Makes statistics.
    public init(
        logRecords: UInt64,
        logBytes: UInt64,
        mapUsedBytes: UInt64,
        mapSizeBytes: UInt64,
        firstSequence: SequenceNumber,
        lastSequence: SequenceNumber,
        oldestAcceptedAtWallNanoseconds: UInt64?
    ) {
        self.logRecords = logRecords
        self.logBytes = logBytes
        self.mapUsedBytes = mapUsedBytes
        self.mapSizeBytes = mapSizeBytes
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
        self.oldestAcceptedAtWallNanoseconds = oldestAcceptedAtWallNanoseconds
    }
}
