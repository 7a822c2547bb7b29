package import SluiceCore

/// The bytes of a stored message, little-endian: a head of fixed size, then the parts, each with its length (4) in front.
///
/// The head: version (1), flags (1), attributes (2), CRC-32C of everything else (4), sent (8), visible (8), id (16). The parts: the group and the
/// deduplication id; the body; a byte for the kind and then name, type and value of each attribute; the trace header; the source queue.
/// docs/storage.md describes it for other readers.
package enum MessageCodec {
    private static let version: UInt8 = 1
    private static let headByteCount = 44
    private static let checksumOffset = 4
    private static let hasTraceHeader: UInt8 = 1
    private static let hasSource: UInt8 = 2
    private static let hasGroup: UInt8 = 4
    private static let hasDeduplicationID: UInt8 = 8
    private static let textAttribute: UInt8 = 1
    private static let binaryAttribute: UInt8 = 2

    /// Encodes a message.
    package static func encode(_ message: QueueMessage) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headByteCount + message.byteCount + message.attributes.count * 16 + 128)
        bytes.append(version)
        bytes.append(flags(of: message))
        append(UInt16(clamping: message.attributes.count), to: &bytes)
        append(UInt32(0), to: &bytes)
        append(message.sentAtNanoseconds, to: &bytes)
        append(message.visibleAtNanoseconds, to: &bytes)
        append(message.id.high, to: &bytes)
        append(message.id.low, to: &bytes)
        if let group = message.groupID { append(part: Array(group.utf8), to: &bytes) }
        if let id = message.deduplicationID { append(part: Array(id.utf8), to: &bytes) }
        append(part: Array(message.body.utf8), to: &bytes)
        for attribute in message.attributes.prefix(Int(UInt16.max)) {
            if case .string = attribute.value { bytes.append(textAttribute) } else { bytes.append(binaryAttribute) }
            append(part: Array(attribute.name.utf8), to: &bytes)
            append(part: Array(attribute.type.utf8), to: &bytes)
            append(part: attribute.valueBytes, to: &bytes)
        }
        if let header = message.traceHeader { append(part: Array(header.utf8), to: &bytes) }
        if let source = message.deadLetterSource { append(part: Array(source.name.utf8), to: &bytes) }
        bytes.withUnsafeMutableBytes { buffer in
            let checksum = CRC32C.checksum(of: UnsafeRawBufferPointer(buffer), storedAt: checksumOffset)
            buffer.storeBytes(of: checksum.littleEndian, toByteOffset: checksumOffset, as: UInt32.self)
        }
        return bytes
    }

    /// Decodes a message and checks its checksum.
    /// - Throws: ``QueueError``, `storage`, when the bytes aren't one.
    package static func decode(_ bytes: UnsafeRawBufferPointer) throws(QueueError) -> QueueMessage {
        guard bytes.count >= headByteCount, bytes[0] == version else { throw damaged("its head isn't readable") }
        let stored = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: checksumOffset, as: UInt32.self))
        guard stored == CRC32C.checksum(of: bytes, storedAt: checksumOffset) else {
            throw damaged("its checksum is wrong")
        }
        var reader = MessageReader(bytes, offset: headByteCount - 4)
        let group = bytes[1] & hasGroup == 0 ? nil : ByteString(try reader.text())
        let deduplicationID = bytes[1] & hasDeduplicationID == 0 ? nil : ByteString(try reader.text())
        let body = try reader.text()
        var attributes: [MessageAttribute] = []
        for _ in 0..<Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))) {
            let kind = try reader.byte()
            let (name, type) = (try reader.text(), try reader.text())
            let value: MessageAttribute.Value =
                kind == binaryAttribute ? .binary(try reader.part()) : .string(try reader.text())
            attributes.append(MessageAttribute(name: ByteString(name), type: type, value: value))
        }
        return QueueMessage(
            id: MessageID(high: integer(of: bytes, at: 24), low: integer(of: bytes, at: 32)),
            body: body,
            attributes: attributes,
            traceHeader: bytes[1] & hasTraceHeader == 0 ? nil : try reader.text(),
            sentAtNanoseconds: integer(of: bytes, at: 8),
            visibleAtNanoseconds: integer(of: bytes, at: 16),
            deadLetterSource: bytes[1] & hasSource == 0 ? nil : QueueID(alreadyChecked: try reader.text()),
            groupID: group,
            deduplicationID: deduplicationID
        )
    }

    private static func flags(of message: QueueMessage) -> UInt8 {
        (message.traceHeader == nil ? 0 : hasTraceHeader) | (message.deadLetterSource == nil ? 0 : hasSource)
            | (message.groupID == nil ? 0 : hasGroup) | (message.deduplicationID == nil ? 0 : hasDeduplicationID)
    }

    /// Reads only the group of a FIFO queue's message; nil for other messages.
    package static func peekGroup(_ bytes: UnsafeRawBufferPointer) -> ByteString? {
        guard bytes.count >= headByteCount, bytes[0] == version, bytes[1] & hasGroup != 0,
            bytes[1] & hasDeduplicationID != 0
        else { return nil }
        var reader = MessageReader(bytes, offset: headByteCount - 4)
        return (try? reader.text()).map { ByteString($0) }
    }

    /// Reads only when it was sent and when it may be received first; nil when the bytes don't begin like a message.
    package static func peekTimes(
        _ bytes: UnsafeRawBufferPointer
    ) -> (sentAtNanoseconds: UInt64, visibleAtNanoseconds: UInt64)? {
        guard bytes.count >= headByteCount, bytes[0] == version else { return nil }
        return (integer(of: bytes, at: 8), integer(of: bytes, at: 16))
    }

    private static func integer(of bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private static func append(part: [UInt8], to bytes: inout [UInt8]) {
        append(UInt32(clamping: part.count), to: &bytes)
        bytes.append(contentsOf: part)
    }

    static func damaged(_ reason: String) -> QueueError {
        QueueError(.storage, "A stored message is damaged: \(reason). Delete it, or restore the log from a copy.")
    }
}

/// Reads the parts of a stored message one after the other.
private struct MessageReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset: Int

    init(_ bytes: UnsafeRawBufferPointer, offset: Int) {
        self.bytes = bytes
        self.offset = offset
    }

    mutating func byte() throws(QueueError) -> UInt8 {
        guard offset < bytes.count else { throw MessageCodec.damaged("it ends early") }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func part() throws(QueueError) -> [UInt8] { Array(try next()) }

    mutating func text() throws(QueueError) -> String {
        guard let text = String(validUTF8: try next()) else { throw MessageCodec.damaged("a part isn't UTF-8") }
        return text
    }

    private mutating func next() throws(QueueError) -> UnsafeRawBufferPointer {
        guard bytes.count - offset >= 4 else { throw MessageCodec.damaged("it ends early") }
        let count = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        offset += 4
        guard bytes.count - offset >= count else { throw MessageCodec.damaged("it ends early") }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }
}
