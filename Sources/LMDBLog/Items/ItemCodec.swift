import ChangeQueue
import SluiceCore

/// The value of the `items` database: version byte, reserved byte, content type's length (2), CRC-32C of everything
/// else (4), the item's version (8), its owner (8), content type, content; little-endian.
///
/// Version 1, which is still read, had no owner.
enum ItemCodec {
    private static let version: UInt8 = 2
    private static let headByteCount = 24
    private static let firstVersion: UInt8 = 1
    private static let firstHeadByteCount = 16

    static func encode(_ item: StoredItem) -> [UInt8] {
        let contentType = Array(item.contentType.value.utf8.prefix(Int(UInt16.max)))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headByteCount + contentType.count + item.value.count)
        bytes.append(item.owner == nil ? firstVersion : version)
        bytes.append(0)
        withUnsafeBytes(of: UInt16(clamping: contentType.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: [0, 0, 0, 0])
        withUnsafeBytes(of: item.version.rawValue.littleEndian) { bytes.append(contentsOf: $0) }
        if let owner = item.owner {
            withUnsafeBytes(of: owner.rawValue.littleEndian) { bytes.append(contentsOf: $0) }
        }
        bytes.append(contentsOf: contentType)
        bytes.append(contentsOf: item.value)
        bytes.withUnsafeMutableBytes { buffer in
            let checksum = CRC32C.checksum(of: UnsafeRawBufferPointer(buffer), storedAt: 4)
            buffer.storeBytes(of: checksum.littleEndian, toByteOffset: 4, as: UInt32.self)
        }
        return bytes
    }

    /// - Throws: `corruptRecord` when the bytes aren't an item.
    static func decode(_ bytes: UnsafeRawBufferPointer) throws(ChangeQueueError) -> StoredItem {
        guard bytes.count >= firstHeadByteCount, bytes[0] == firstVersion || bytes[0] == version else {
            throw damaged("its head is not readable")
        }
        let head = bytes[0] == version ? headByteCount : firstHeadByteCount
        let stored = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard bytes.count >= head, stored == CRC32C.checksum(of: bytes, storedAt: 4) else {
            throw damaged("its checksum is wrong")
        }
        let contentTypeEnd = head + Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
        guard contentTypeEnd <= bytes.count,
            let contentType = String(validating: bytes[head..<contentTypeEnd], as: UTF8.self)
        else { throw damaged("its content type is not readable") }
        return StoredItem(
            value: Array(bytes[contentTypeEnd...]),
            contentType: ContentType(contentType),
            version: SequenceNumber(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))),
            owner: head == headByteCount
                ? PrincipalID(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))) : nil
        )
    }

    private static func damaged(_ reason: String) -> ChangeQueueError {
        ChangeQueueError(
            .corruptRecord,
            "A stored item is damaged: \(reason). Write it again, or restore the log from a copy."
        )
    }
}
