import CLMDB

/// How an ``Environment`` is opened.
///
/// Readers are never tied to a thread (`MDB_NOTLS` is always set).
package struct EnvironmentOptions: OptionSet, Sendable {
    /// The options as bits.
    package let rawValue: UInt32

    /// Wraps bits.
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Commits return before the disk has them: a crash of the machine may undo or damage the newest ones; a crash of
    /// the process doesn't.
    package static let noSync = EnvironmentOptions(rawValue: 1 << 0)
    /// Nothing can be written, nothing is created.
    package static let readOnly = EnvironmentOptions(rawValue: 1 << 1)
    /// The kernel doesn't read ahead: for random reads of a file larger than memory.
    package static let noReadAhead = EnvironmentOptions(rawValue: 1 << 2)

    var flags: UInt32 {
        var flags = UInt32(MDB_NOTLS)
        if contains(.noSync) { flags |= UInt32(MDB_NOSYNC) }
        if contains(.readOnly) { flags |= UInt32(MDB_RDONLY) }
        if contains(.noReadAhead) { flags |= UInt32(MDB_NORDAHEAD) }
        return flags
    }
}

/// Sizes of an ``Environment``.
package struct EnvironmentStatistics: Hashable, Sendable {
    /// Bytes of one page.
    package let pageSizeBytes: Int
    /// The most bytes that the file can grow to.
    package let mapSizeBytes: Int
    /// Pages that the file has ever needed.
    package let filePages: Int
    /// Pages of those that wait to be used again.
    package let freePages: Int
    /// Reader slots that were ever used at once.
    package let readersInUse: Int
    /// Reader slots there are.
    package let maximumReaders: Int

    /// Bytes that hold something: free pages are not counted.
    package var usedBytes: Int { max(filePages - freePages, 0) * pageSizeBytes }
}
