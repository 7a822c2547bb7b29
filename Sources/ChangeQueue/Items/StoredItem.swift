public import SluiceCore

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
