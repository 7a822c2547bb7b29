import CZlib
package import NIOCore

/// A part of a gzip stream that any number of streams may hold: blocks that point back to nothing before them, with what a stream's checksum
/// needs of them.
package struct GzipPart: Equatable, Sendable {
    /// The blocks, which end at a byte's border.
    package let blocks: ByteBuffer
    /// The checksum of what they stand for.
    package let checksum: UInt32
    /// How many bytes that is.
    package let plainByteCount: UInt32

    /// A part from what is known of it.
    package init(blocks: ByteBuffer, checksum: UInt32, plainByteCount: UInt32) {
        self.blocks = blocks
        self.checksum = checksum
        self.plainByteCount = plainByteCount
    }

    /// Appends the blocks of bytes: compressed, if the rule says so, or as they are.
    /// - Returns: their checksum.
    package static func append(
        _ bytes: UnsafeRawBufferPointer,
        _ rule: CompressionRule,
        to blocks: inout ByteBuffer
    ) -> UInt32 {
        let isCompressed: Void? = rule.withCompressed(bytes, .full) { compressed in
            blocks.writeBytes(compressed)
            blocks.writeBytes(RawDeflater.tail)
        }
        if isCompressed == nil { appendStored(bytes, to: &blocks) }
        return checksum(of: bytes)
    }

    /// The checksum of bytes.
    static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(truncatingIfNeeded: crc32_z(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
    }

    /// Appends bytes in blocks that aren't compressed (RFC 1951, section 3.2.4), for which no compressor is needed.
    static func appendStored(_ bytes: UnsafeRawBufferPointer, to blocks: inout ByteBuffer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(Int(UInt16.max))
            rest = rest.dropFirst(part.count)
            let count = UInt16(truncatingIfNeeded: part.count)
            blocks.writeInteger(UInt8(0))
            blocks.writeInteger(count, endianness: .little)
            blocks.writeInteger(~count, endianness: .little)
            blocks.writeBytes(UnsafeRawBufferPointer(rebasing: part))
        }
    }
}

/// One gzip stream (RFC 1952) that is put together from parts, its own and shared ones: a value of one response, with a checksum and a count
/// but without a compressor.
package struct GzipStream: Equatable, Sendable {
    private var checksum: UInt32 = 0
    private var plainByteCount: UInt32 = 0
    private var hasBegun = false

    /// Deflate, no name, no time, an unknown system.
    private static let header: [UInt8] = [0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0xFF]

    package init() {}

    /// Appends bytes of the stream's own.
    package mutating func append(
        _ bytes: UnsafeRawBufferPointer,
        _ rule: CompressionRule,
        to stream: inout ByteBuffer
    ) {
        begin(&stream)
        note(GzipPart.append(bytes, rule, to: &stream), UInt32(truncatingIfNeeded: bytes.count))
    }

    /// Appends a part that others may hold as well.
    package mutating func append(_ part: GzipPart, to stream: inout ByteBuffer) {
        begin(&stream)
        stream.writeImmutableBuffer(part.blocks)
        note(part.checksum, part.plainByteCount)
    }

    /// Appends the end: an empty last block, the checksum and the count.
    package mutating func end(_ stream: inout ByteBuffer) {
        begin(&stream)
        stream.writeMultipleIntegers(UInt8(0x03), UInt8(0x00))
        stream.writeInteger(checksum, endianness: .little)
        stream.writeInteger(plainByteCount, endianness: .little)
    }

    private mutating func begin(_ stream: inout ByteBuffer) {
        guard !hasBegun else { return }
        hasBegun = true
        stream.writeBytes(GzipStream.header)
    }

    private mutating func note(_ partChecksum: UInt32, _ count: UInt32) {
        checksum = UInt32(truncatingIfNeeded: crc32_combine(UInt(checksum), UInt(partChecksum), Int(count)))
        plainByteCount &+= count
    }
}
