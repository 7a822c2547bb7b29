import CCRC32C

/// The checksum of stored records: CRC-32C (Castagnoli; RFC 3720, appendix B.4), by the processor's instruction where it has one, else by
/// tables, eight bytes a step ("slicing by 8").
///
/// It finds every single flipped bit and every burst of up to 32 bits.
package struct CRC32C: Sendable {
    private var state: UInt32 = 0xFFFF_FFFF

    /// Starts a checksum over no bytes.
    package init() {}

    /// The checksum of the bytes so far.
    package var value: UInt32 { ~state }

    /// The checksum of `bytes`.
    package static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = CRC32C()
        checksum.update(bytes)
        return checksum.value
    }

    /// The checksum of `bytes` but for the four at `offset`, where it is stored itself.
    package static func checksum(of bytes: UnsafeRawBufferPointer, storedAt offset: Int) -> UInt32 {
        var checksum = CRC32C()
        checksum.update(UnsafeRawBufferPointer(rebasing: bytes[..<offset]))
        checksum.update(UnsafeRawBufferPointer(rebasing: bytes[(offset + 4)...]))
        return checksum.value
    }

    /// Goes on with `bytes`.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        if CRC32C.hasInstruction {
            state = sluice_crc32c_update(state, start, bytes.count)
        } else {
            updateByTables(start, bytes.count)
        }
    }

    private static let hasInstruction = sluice_crc32c_has_instruction() != 0

    /// The same without the instruction.
    mutating func updateByTables(_ start: UnsafeRawPointer, _ end: Int) {
        state = CRC32C.tables.withUnsafeBufferPointer { tables in
            var crc = state
            var offset = 0
            while end &- offset >= 8 {
                let word = UInt64(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let low = UInt32(truncatingIfNeeded: word) ^ crc
                let high = UInt32(truncatingIfNeeded: word >> 32)
                crc =
                    tables[1792 &+ Int(low & 0xFF)] ^ tables[1536 &+ Int(low >> 8 & 0xFF)]
                    ^ tables[1280 &+ Int(low >> 16 & 0xFF)] ^ tables[1024 &+ Int(low >> 24)]
                    ^ tables[768 &+ Int(high & 0xFF)] ^ tables[512 &+ Int(high >> 8 & 0xFF)]
                    ^ tables[256 &+ Int(high >> 16 & 0xFF)] ^ tables[Int(high >> 24)]
                offset &+= 8
            }
            while offset < end {
                let byte = start.load(fromByteOffset: offset, as: UInt8.self)
                crc = tables[Int((crc ^ UInt32(byte)) & 0xFF)] ^ crc >> 8
                offset &+= 1
            }
            return crc
        }
    }

    /// Eight tables of 256: table n gives what a byte contributes that n more bytes follow.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for index in 0..<256 {
            var crc = UInt32(index)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
            tables[index] = crc
        }
        for index in 256..<tables.count {
            let before = tables[index - 256]
            tables[index] = tables[Int(before & 0xFF)] ^ before >> 8
        }
        return tables
    }()
}
