public import SluiceCore

/// A change of one item of a table, stored together with its change record.
public struct ItemWrite: Sendable {
    /// What is done with the item.
    public enum Operation: Sendable {
        /// It gets this content, whether it existed or not.
        case put(ItemContent)
        /// A JSON merge patch (RFC 7396) is applied to it; one that doesn't exist counts as `{}`.
        ///
        /// ``LogAppending/write(_:)`` works a large one out before the log waits for it; submitted as it is, it fails with `itemChanged`.
        case patch(JSONMergePatch)
        /// It gets this content if it still is of that version, `SequenceNumber.none` when there was no item; else the write fails
        /// with `itemChanged`.
        case replace(ItemContent, ifVersion: SequenceNumber)
        /// It is removed.
        case delete

        /// The bytes that it brings.
        package var byteCount: Int {
            switch self {
            case .put(let content), .replace(let content, _): content.value.count
            case .patch(let patch): patch.byteCount
            case .delete: 0
            }
        }
    }

    /// The table's name, 1 to 255 UTF-8 bytes.
    public var table: String
    /// The item's key, 1 to 255 UTF-8 bytes.
    public var key: String
    /// What is done.
    public var operation: Operation
    /// What the change record carries.
    public var image: ItemImage
    /// The topic of the change record; called on the writer's thread when the operation is known, and what it throws
    /// fails the write.
    public var topic: @Sendable (ChangeOperation) throws(TopicError) -> Topic
    /// Who writes: the item, and its topic if that is new, go on their account.
    public var principal: PrincipalID
    /// When the request was accepted, nanoseconds of `StageClock`.
    public var acceptedAtNanoseconds: UInt64

    /// Makes a write; `acceptedAtNanoseconds` defaults to now, `principal` to the server itself.
    public init(
        table: String,
        key: String,
        operation: Operation,
        image: ItemImage = .new,
        principal: PrincipalID = .server,
        acceptedAtNanoseconds: UInt64 = StageClock.nowNanoseconds(),
        topic: @escaping @Sendable (ChangeOperation) throws(TopicError) -> Topic
    ) {
        self.table = table
        self.key = key
        self.operation = operation
        self.image = image
        self.principal = principal
        self.topic = topic
        self.acceptedAtNanoseconds = acceptedAtNanoseconds
    }
}

/// Which content of the item its change record carries; as DynamoDB Streams' StreamViewType (API reference,
/// "StreamSpecification").
public enum ItemImage: String, Sendable, CaseIterable {
    /// The item as it is now.
    case new
    /// The item as it was before.
    case old
    /// Both.
    case both
    /// Neither: only table and key.
    case keys

    package var includesNew: Bool { self == .new || self == .both }
    package var includesOld: Bool { self == .old || self == .both }
}

/// What an ``ItemWrite`` did.
public struct ItemOutcome: Sendable {
    /// What happened to the item; nil when there was nothing to delete.
    public let operation: ChangeOperation?
    /// Its change record, whose sequence number is the item's new version; nil when there was nothing to delete.
    public let appended: AppendedRecord?

    /// Makes an outcome.
    public init(operation: ChangeOperation?, appended: AppendedRecord?) {
        self.operation = operation
        self.appended = appended
    }

    /// There was no item to delete; nothing was stored.
    public static let notFound = ItemOutcome(operation: nil, appended: nil)
}

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
