/// Where the parts of an encoded record stand: a head of fixed size, little-endian, then the variable parts:
/// topic, content type, table, item key, tagged attributes, payload.
///
/// ```
///  0  version (1)        8  sequence (8)                       40  payload length (4)
///  1  flags   (1)       16  previous (8)                       44  topic length (2)
///  2  operation (1)     24  accepted, monotonic clock (8)      46  lengths of content type, table, item key,
///  3  reserved, 0 (1)   32  accepted, wall clock (8)               (1 each)
///  4  CRC-32C of everything else (4)                           49  length of the tagged attributes (3)
/// ```
///
/// Version 1 has the lengths of a deduplication id and of a message group id (1 each) and a 0 in the last three bytes.
/// docs/storage.md describes it for other readers.
struct RecordLayout {
    static let headByteCount = 52
    static let checksumOffset = 4

    /// The flags that say which optional parts there are: an empty one isn't an absent one.
    static let hasTable: UInt8 = 1
    static let hasItemKey: UInt8 = 2

    let version: UInt8
    let flags: UInt8
    let operation: UInt8
    let topicByteCount: Int
    let contentTypeByteCount: Int
    let tableByteCount: Int
    let itemKeyByteCount: Int
    /// Of the tagged attributes; in version 1, of deduplication id and message group id together.
    let furtherByteCount: Int
    let payloadByteCount: Int

    /// Bytes of the whole record; lengths are at most 32 bits wide, so the sum can't overflow.
    var byteCount: Int {
        RecordLayout.headByteCount + topicByteCount + contentTypeByteCount + tableByteCount + itemKeyByteCount
            + furtherByteCount + payloadByteCount
    }

    /// The flags that may be set: version 1 has two more, for its deduplication id and its message group id.
    var knownFlags: UInt8 { version == 1 ? 15 : RecordLayout.hasTable | RecordLayout.hasItemKey }

    /// Measures a record.
    ///
    /// What doesn't fit the layout is cut to its limit: the writer refuses such a record before.
    init(_ record: ChangeRecord) {
        let attributes = record.attributes
        flags =
            (attributes.table == nil ? 0 : RecordLayout.hasTable)
            | (attributes.itemKey == nil ? 0 : RecordLayout.hasItemKey)
        operation = RecordLayout.code(for: attributes.operation)
        topicByteCount = min(record.topic.name.utf8.count, Int(UInt16.max))
        contentTypeByteCount = min(record.contentType.value.utf8.count, 255)
        tableByteCount = min(attributes.table?.utf8.count ?? 0, 255)
        itemKeyByteCount = min(attributes.itemKey?.utf8.count ?? 0, 255)
        if attributes.tagged.isEmpty {
            version = 1
            furtherByteCount = 0
        } else {
            version = 2
            furtherByteCount = RecordLayout.fitting(attributes.tagged)
        }
        payloadByteCount = min(record.payload.count, Int(UInt32.max))
    }

    /// Reads the lengths of an encoded record and checks them against the bytes there are.
    init(_ bytes: UnsafeRawBufferPointer) throws(RecordCodecError) {
        guard bytes.count >= RecordLayout.headByteCount else {
            if let version = bytes.first, !RecordCodec.versions.contains(version) { throw .unsupportedVersion(version) }
            throw .truncated(byteCount: bytes.count, neededByteCount: RecordLayout.headByteCount)
        }
        let version = bytes[0]
        guard RecordCodec.versions.contains(version) else { throw .unsupportedVersion(version) }
        self.version = version
        flags = bytes[1]
        operation = bytes[2]
        payloadByteCount = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 40, as: UInt32.self)))
        topicByteCount = Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 44, as: UInt16.self)))
        contentTypeByteCount = Int(bytes[46])
        tableByteCount = Int(bytes[47])
        itemKeyByteCount = Int(bytes[48])
        furtherByteCount =
            version == 1 ? Int(bytes[49]) + Int(bytes[50]) : Int(bytes[49]) | Int(bytes[50]) << 8 | Int(bytes[51]) << 16
        let needed = byteCount
        guard bytes.count == needed else {
            throw bytes.count < needed
                ? .truncated(byteCount: bytes.count, neededByteCount: needed)
                : .trailingBytes(byteCount: bytes.count, neededByteCount: needed)
        }
    }

    /// Bytes of the attributes from the first on that fit the layout.
    private static func fitting(_ attributes: [RecordAttribute]) -> Int {
        var byteCount = 0
        for attribute in attributes {
            guard byteCount + attribute.byteCount <= Limits.taggedAttributesBytes else { break }
            byteCount += attribute.byteCount
        }
        return byteCount
    }

    /// Zero for no operation.
    static func code(for operation: ChangeOperation?) -> UInt8 {
        switch operation {
        case nil: 0
        case .insert: 1
        case .modify: 2
        case .remove: 3
        }
    }

    /// The operation with the code.
    /// - Throws: `invalidPart` for a code that isn't known.
    static func operation(for code: UInt8) throws(RecordCodecError) -> ChangeOperation? {
        switch code {
        case 0: nil
        case 1: .insert
        case 2: .modify
        case 3: .remove
        default: throw .invalidPart("operation")
        }
    }
}
