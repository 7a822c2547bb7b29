/// Sizes of one ``Database``.
public struct DatabaseStatistics: Hashable, Sendable {
    /// Keys in it.
    public let entries: Int
    /// Pages that it takes, of every kind.
    public let pages: Int
    /// Levels of its tree.
    public let depth: Int
    /// Bytes of one page.
    public let pageSizeBytes: Int

    /// Bytes of its pages.
    public var bytes: Int { pages * pageSizeBytes }
}
