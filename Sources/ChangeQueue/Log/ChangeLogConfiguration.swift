import SluiceCore

/// The limits of a change log.
public struct ChangeLogConfiguration: Sendable {
    /// The directory of the log's LMDB environment; it and its parents are made.
    public var directory: String
    /// Bytes that the log may take in its file: ``itemsBudgetBytes`` of them for items, the rest for records and heads.
    ///
    /// The file is sparse and grows as needed.
    public var mapSizeBytes = 16 << 30
    /// Bytes of the items' pages beyond which an item may not grow; nil for a quarter of the map.
    public var itemsBytes: Int?
    /// Bytes of items that one principal may have written last.
    public var principalItemsBytes = Int.max
    /// Records older than this are trimmed.
    public var retentionAge: Duration = .seconds(24 * 3600)
    /// The oldest records are trimmed while the log's pages take more bytes than this.
    public var retentionBytes = 8 << 30
    /// Topics whose newest record the writer knows.
    ///
    /// From half of it on, topics whose records are all trimmed are forgotten; at it, a record of a new topic is refused.
    public var maximumTopics = 2_000_000
    /// Of those, topics that one principal may have begun, as far as this process has seen it.
    public var principalTopics = Int.max
    /// New topics that one principal may begin a second in the long run, and a hundred times as many at once; 0: no
    /// limit.
    public var principalTopicsPerSecond = 0
    /// Largest payload of one record, bytes.
    public var maximumPayloadBytes = Limits.payloadBytes
    /// Bytes that may wait for the writer; beyond it, appends fail at once.
    public var maximumPendingBytes = 64 << 20
    /// How long a commit waits for more records after its first one: each append takes so much longer, and fewer commits write less.
    public var commitWindow: Duration = .zero
    /// Records after which the topics' heads are saved, so that a restart reads at most about so many.
    public var headSaveRecords = 1_048_576
    /// Reads at once, over all processes; decided by the process that makes the log.
    public var maximumReaders = 512

    /// The defaults, in `directory`.
    public init(directory: String = "") { self.directory = directory }

    /// What items may take of the map, bytes.
    public var itemsBudgetBytes: Int { max(min(itemsBytes ?? mapSizeBytes / 4, mapSizeBytes), 0) }
}
