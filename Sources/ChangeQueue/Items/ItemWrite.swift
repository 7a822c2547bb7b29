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
