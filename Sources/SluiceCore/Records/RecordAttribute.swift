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
