public import SluiceCore

/// What an item is given to hold: checked where it enters, not while the log waits for it.
public struct ItemContent: Sendable {
    /// The content's bytes.
    public let value: [UInt8]
    /// Their media type.
    public let contentType: ContentType

    /// Checks a content.
    /// - Throws: `invalidJSON` when it isn't what its type says, `invalidItem` when the type is longer than
    ///   `Limits.contentTypeBytes`.
    public init(_ value: [UInt8], _ contentType: ContentType) throws(ChangeQueueError) {
        // The content is spliced into the change record, so it must be what its type says.
        guard contentType.embedding != .json || JSONText.isValid(value) else {
            throw ChangeQueueError(
                .invalidJSON,
                """
                The item of \(value.count) bytes is not JSON in UTF-8 (or is nested deeper than \(Limits.jsonDepth)). \
                Send JSON, or the content type that the item has.
                """
            )
        }
        guard contentType.value.utf8.count <= Limits.contentTypeBytes else {
            throw ChangeQueueError(
                .invalidItem,
                "The item's media type is longer than \(Limits.contentTypeBytes) bytes."
            )
        }
        self.init(alreadyChecked: value, contentType)
    }

    init(alreadyChecked value: [UInt8], _ contentType: ContentType) {
        self.value = value
        self.contentType = contentType
    }
}
