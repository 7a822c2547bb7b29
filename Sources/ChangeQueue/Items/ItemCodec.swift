import SluiceCore

/// The value of the `items` database: version byte, reserved byte, content type's length (2), CRC-32C of everything
/// else (4), the item's version (8), content type, content; little-endian.
enum ItemCodec {
    private static let version: UInt8 = 1
    private static let headByteCount = 16

    static func encode(_ item: StoredItem) -> [UInt8] {
        let contentType = Array(item.contentType.value.utf8.prefix(Int(UInt16.max)))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headByteCount + contentType.count + item.value.count)
        bytes.append(version)
        bytes.append(0)
        withUnsafeBytes(of: UInt16(clamping: contentType.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: [0, 0, 0, 0])
        withUnsafeBytes(of: item.version.rawValue.littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: contentType)
        bytes.append(contentsOf: item.value)
        bytes.withUnsafeMutableBytes { buffer in
            let checksum = checksum(of: UnsafeRawBufferPointer(buffer))
            buffer.storeBytes(of: checksum.littleEndian, toByteOffset: 4, as: UInt32.self)
        }
        return bytes
    }

    /// - Throws: `corruptRecord` when the bytes aren't an item.
    static func decode(_ bytes: UnsafeRawBufferPointer) throws(ChangeQueueError) -> StoredItem {
        guard bytes.count >= headByteCount, bytes[0] == version else { throw damaged("its head is not readable") }
        let stored = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard stored == checksum(of: bytes) else { throw damaged("its checksum is wrong") }
        let contentTypeEnd =
            headByteCount + Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
        guard contentTypeEnd <= bytes.count,
            let contentType = String(validating: bytes[headByteCount..<contentTypeEnd], as: UTF8.self)
        else { throw damaged("its content type is not readable") }
        return StoredItem(
            value: Array(bytes[contentTypeEnd...]),
            contentType: ContentType(contentType),
            version: SequenceNumber(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        )
    }

    private static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = CRC32C()
        checksum.update(UnsafeRawBufferPointer(rebasing: bytes[..<4]))
        checksum.update(UnsafeRawBufferPointer(rebasing: bytes[8...]))
        return checksum.value
    }

    private static func damaged(_ reason: String) -> ChangeQueueError {
        ChangeQueueError(
            .corruptRecord,
            "A stored item is damaged: \(reason). Write it again, or restore the log from a copy."
        )
    }
}
