/// What a record carries beside topic and payload.
///
/// Everything is optional.
public struct RecordAttributes: Hashable, Sendable {
    /// What happened to the item that the record is about.
    public var operation: ChangeOperation?
    /// The item's table.
    public var table: String?
    /// The item's key within its table.
    public var itemKey: String?
    /// As SQS FIFO's MessageDeduplicationId (API reference, "SendMessage").
    public var deduplicationID: String?
    /// As SQS FIFO's MessageGroupId (API reference, "SendMessage").
    public var messageGroupID: String?

    /// Makes attributes; leave out what doesn't apply.
    public init(
        operation: ChangeOperation? = nil,
        table: String? = nil,
        itemKey: String? = nil,
        deduplicationID: String? = nil,
        messageGroupID: String? = nil
    ) {
        self.operation = operation
        self.table = table
        self.itemKey = itemKey
        self.deduplicationID = deduplicationID
        self.messageGroupID = messageGroupID
    }

    /// No attribute at all, the usual case of a plain publish.
    public static let none = RecordAttributes()
}
