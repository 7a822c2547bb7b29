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

/// One of a record's further attributes: a tag that says what it means, a type that says what its bytes are.
///
/// Software that doesn't know a tag or a type passes the attribute on as it is.
public struct RecordAttribute: Hashable, Sendable {
    /// What an attribute's bytes are.
    public struct ValueType: RawRepresentable, Hashable, Sendable {
        /// As it is stored.
        public let rawValue: UInt8

        /// Wraps a stored number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// UTF-8; checked when a record is decoded.
        public static let text = ValueType(rawValue: 1)
        /// Any bytes.
        public static let bytes = ValueType(rawValue: 2)
    }

    /// What the attribute means; docs/storage.md has the list.
    public let tag: UInt16
    /// What its bytes are.
    public let type: ValueType
    /// Its bytes.
    public let value: [UInt8]

    /// Makes an attribute of any type.
    public init(tag: UInt16, type: ValueType, value: [UInt8]) {
        self.tag = tag
        self.type = type
        self.value = value
    }

    /// Bytes that it takes in an encoded record: tag, type, length and value.
    public var byteCount: Int { RecordAttribute.headByteCount + value.count }

    static let headByteCount = 5
}

/// What happened to a table's item; the names are those of DynamoDB Streams' `eventName` (API reference, "Record").
public enum ChangeOperation: String, Sendable, CaseIterable {
    /// The item didn't exist before.
    case insert = "INSERT"
    /// The item existed and has new content.
    case modify = "MODIFY"
    /// The item is gone.
    case remove = "REMOVE"
}
