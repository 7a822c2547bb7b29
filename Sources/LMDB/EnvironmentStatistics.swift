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
