import SluiceCore

/// The limits of a ``ChangeLog``.
public struct ChangeLogConfiguration: Sendable {
    /// The directory of the log's LMDB environment; it and its parents are made.
    public var directory: String
    /// Bytes of records, items and heads after which an append is `queueFull`.
    ///
    /// The file is sparse and grows as needed.
    public var mapSizeBytes = 16 << 30
    /// Records older than this are trimmed.
    public var retentionAge: Duration = .seconds(24 * 3600)
    /// The oldest records are trimmed while the log's pages take more bytes than this.
    public var retentionBytes = 8 << 30
    /// Topics whose newest record the writer knows.
    ///
    /// Beyond it, topics whose records are all trimmed are forgotten; if there are none, a record of a new topic is
    /// refused.
    public var maximumTopics = 2_000_000
    /// Largest payload of one record, bytes.
    public var maximumPayloadBytes = Limits.payloadBytes
    /// Bytes that may wait for the writer; beyond it, appends fail at once.
    public var maximumPendingBytes = 64 << 20
    /// Records after which the topics' heads are saved, so that a restart reads at most about so many.
    public var headSaveRecords = 1_048_576
    /// Reads at once, over all processes; decided by the process that makes the log.
    public var maximumReaders = 512

    /// The defaults, in `directory`.
    public init(directory: String = "") { self.directory = directory }
}
