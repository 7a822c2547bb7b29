import ChangeQueue

/// What an item counts against a quota: the bytes of its key and value, or of its pages where LMDB gives it some of its
/// own.
enum ItemFootprint {
    /// LMDB's node header and the pointer to it.
    private static let nodeBytes = 16
    /// LMDB's page header.
    private static let pageHeadBytes = 16
    /// The page size that quotas reckon with, whatever the machine's is: what is counted must not change with it.
    private static let pageBytes = 4_096
    /// A node larger than this gets pages of its own.
    private static let largestNode = 2_030

    static func bytes(keyBytes: Int, valueBytes: Int) -> Int {
        let node = nodeBytes + keyBytes + valueBytes
        guard node > largestNode else { return node }
        return (valueBytes + pageHeadBytes + pageBytes - 1) / pageBytes * pageBytes + nodeBytes + keyBytes
    }
}
