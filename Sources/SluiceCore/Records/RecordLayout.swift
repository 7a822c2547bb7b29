/// Where the parts of an encoded record stand: a head of fixed size, little-endian, then the variable parts in the
/// order of ``Part``.
///
/// ```
///  0  version (1)        8  sequence (8)                       40  payload length (4)
///  1  flags   (1)       16  previous (8)                       44  topic length (2)
///  2  operation (1)     24  accepted, monotonic clock (8)      46  lengths of content type, table, item key,
///  3  reserved, 0 (1)   32  accepted, wall clock (8)               deduplication id, message group id (1 each)
///  4  CRC-32C of everything else (4)                           51  reserved, 0 (1)
/// ```
///
/// docs/storage.md describes it for other readers.
struct RecordLayout {
    static let headByteCount = 52
    static let checksumOffset = 4

    /// The flags that say which optional parts there are: an empty one isn't an absent one.
    static let hasTable: UInt8 = 1
    static let hasItemKey: UInt8 = 2
    static let hasDeduplicationID: UInt8 = 4
    static let hasMessageGroupID: UInt8 = 8
    static let knownFlags: UInt8 = 15

    let flags: UInt8
    let operation: UInt8
    let topicByteCount: Int
    let contentTypeByteCount: Int
    let tableByteCount: Int
    let itemKeyByteCount: Int
    let deduplicationIDByteCount: Int
    let messageGroupIDByteCount: Int
    let payloadByteCount: Int

    /// Bytes of the whole record; lengths are at most 32 bits wide, so the sum can't overflow.
    var byteCount: Int {
        RecordLayout.headByteCount + topicByteCount + contentTypeByteCount + tableByteCount + itemKeyByteCount
            + deduplicationIDByteCount + messageGroupIDByteCount + payloadByteCount
    }

    /// Measures a record.
    ///
    /// What doesn't fit the layout is cut to its limit: the writer refuses such a record before.
    init(_ record: ChangeRecord) {
        let attributes = record.attributes
        flags =
            (attributes.table == nil ? 0 : RecordLayout.hasTable)
            | (attributes.itemKey == nil ? 0 : RecordLayout.hasItemKey)
            | (attributes.deduplicationID == nil ? 0 : RecordLayout.hasDeduplicationID)
            | (attributes.messageGroupID == nil ? 0 : RecordLayout.hasMessageGroupID)
        operation = RecordLayout.code(for: attributes.operation)
        topicByteCount = min(record.topic.name.utf8.count, Int(UInt16.max))
        contentTypeByteCount = min(record.contentType.value.utf8.count, 255)
        tableByteCount = min(attributes.table?.utf8.count ?? 0, 255)
        itemKeyByteCount = min(attributes.itemKey?.utf8.count ?? 0, 255)
        deduplicationIDByteCount = min(attributes.deduplicationID?.utf8.count ?? 0, 255)
        messageGroupIDByteCount = min(attributes.messageGroupID?.utf8.count ?? 0, 255)
        payloadByteCount = min(record.payload.count, Int(UInt32.max))
    }

    /// Reads the lengths of an encoded record and checks them against the bytes there are.
    init(_ bytes: UnsafeRawBufferPointer) throws(RecordCodecError) {
        guard let version = bytes.first else {
            throw .truncated(byteCount: 0, neededByteCount: RecordLayout.headByteCount)
        }
        guard version == RecordCodec.version else { throw .unsupportedVersion(version) }
        guard bytes.count >= RecordLayout.headByteCount else {
            throw .truncated(byteCount: bytes.count, neededByteCount: RecordLayout.headByteCount)
        }
        flags = bytes[1]
        operation = bytes[2]
        payloadByteCount = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 40, as: UInt32.self)))
        topicByteCount = Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 44, as: UInt16.self)))
        contentTypeByteCount = Int(bytes[46])
        tableByteCount = Int(bytes[47])
        itemKeyByteCount = Int(bytes[48])
        deduplicationIDByteCount = Int(bytes[49])
        messageGroupIDByteCount = Int(bytes[50])
        guard bytes.count >= byteCount else { throw .truncated(byteCount: bytes.count, neededByteCount: byteCount) }
        guard bytes.count == byteCount else { throw .trailingBytes(byteCount: bytes.count, neededByteCount: byteCount) }
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
