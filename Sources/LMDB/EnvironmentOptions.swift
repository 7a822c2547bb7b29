import CLMDB

/// How an ``Environment`` is opened.
///
/// Readers are never tied to a thread (`MDB_NOTLS` is always set).
public struct EnvironmentOptions: OptionSet, Sendable {
    /// The options as bits.
    public let rawValue: UInt32

    /// Wraps bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Commits return before the disk has them: a crash of the machine may undo or damage the newest ones; a crash of
    /// the process doesn't.
    public static let noSync = EnvironmentOptions(rawValue: 1 << 0)
    /// Nothing can be written, nothing is created.
    public static let readOnly = EnvironmentOptions(rawValue: 1 << 1)
    /// The kernel doesn't read ahead: for random reads of a file larger than memory.
    public static let noReadAhead = EnvironmentOptions(rawValue: 1 << 2)

    var flags: UInt32 {
        var flags = UInt32(MDB_NOTLS)
        if contains(.noSync) { flags |= UInt32(MDB_NOSYNC) }
        if contains(.readOnly) { flags |= UInt32(MDB_RDONLY) }
        if contains(.noReadAhead) { flags |= UInt32(MDB_NORDAHEAD) }
        return flags
    }
}

/// Sizes of an ``Environment``.
public struct EnvironmentStatistics: Hashable, Sendable {
    /// Bytes of one page.
    public let pageSizeBytes: Int
    /// The most bytes that the file can grow to.
    public let mapSizeBytes: Int
    /// Pages that the file has ever needed.
    public let filePages: Int
    /// Pages of those that wait to be used again.
    public let freePages: Int
    /// Reader slots that were ever used at once.
    public let readersInUse: Int
    /// Reader slots there are.
    public let maximumReaders: Int

    /// Bytes that hold something: free pages are not counted.
    public var usedBytes: Int { max(filePages - freePages, 0) * pageSizeBytes }
}
