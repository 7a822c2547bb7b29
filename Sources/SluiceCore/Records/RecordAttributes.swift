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
    /// Any number of others, together at most ``Limits/taggedAttributesBytes``.
    public var tagged: [RecordAttribute]

    /// Makes attributes; leave out what doesn't apply.
    public init(
        operation: ChangeOperation? = nil,
        table: String? = nil,
        itemKey: String? = nil,
        tagged: [RecordAttribute] = []
    ) {
        self.operation = operation
        self.table = table
        self.itemKey = itemKey
        self.tagged = tagged
    }

    /// Bytes that ``tagged`` takes in an encoded record.
    public var taggedByteCount: Int { tagged.isEmpty ? 0 : tagged.reduce(0) { $0 + $1.byteCount } }

    /// No attribute at all, the usual case of a plain publish.
    public static let none = RecordAttributes()
}
