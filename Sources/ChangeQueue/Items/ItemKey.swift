public import SluiceCore

/// The key of the `items` database: one byte with the table name's length, the name, the item's key.
///
/// With both at most 255 bytes it fits LMDB's 511.
package struct ItemKey: Hashable, Sendable {
    /// Its bytes.
    package let bytes: [UInt8]

    /// Checks the names.
    /// - Throws: `invalidItem` when a name is empty or too long.
    package init(table: String, key: String) throws(ChangeQueueError) {
        try ItemKey.check(table, "table name")
        try ItemKey.check(key, "item key")
        var bytes = [UInt8(clamping: table.utf8.count)]
        bytes.reserveCapacity(1 + table.utf8.count + key.utf8.count)
        bytes.append(contentsOf: table.utf8)
        bytes.append(contentsOf: key.utf8)
        self.bytes = bytes
    }

    private static func check(_ name: String, _ what: String) throws(ChangeQueueError) {
        let count = name.utf8.count
        guard count >= 1, count <= Limits.attributeBytes else {
            throw ChangeQueueError(
                .invalidItem,
                "The \(what) '\(name.printable(limit: 40))' has \(count) bytes, not 1 to \(Limits.attributeBytes)."
            )
        }
    }
}

/// An item of a table as it is stored.
public struct StoredItem: Sendable {
    /// Its content.
    public let value: [UInt8]
    /// The content's media type.
    public let contentType: ContentType
    /// The sequence number of the change record that was stored with it.
    public let version: SequenceNumber

    /// Who wrote it last; nil when it was stored by a version of Sluice that didn't keep it.
    public let owner: PrincipalID?

    /// Makes an item.
    public init(value: [UInt8], contentType: ContentType, version: SequenceNumber, owner: PrincipalID?) {
        self.value = value
        self.contentType = contentType
        self.version = version
        self.owner = owner
    }
}
