import CZlib

/// Compresses messages one at a time (RFC 1951), each by itself: none points back into one before it, so that its bytes are the same for
/// everybody, and no secret of one message shows in the length of another.
///
/// Bound to a thread.
package final class RawDeflater {
    private let stream: UnsafeMutablePointer<z_stream>
    // Memory that is used again.
    private var output: [UInt8] = []

    /// What ends each message, an empty block (RFC 7692, section 7.2.1); it isn't part of what is given.
    package static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]

    // Measured with JSON of 1 KiB to 256 KiB: a tenth smaller than the quickest level and hardly slower; the usual 6 takes half as long again.
    private static let level: Int32 = 3
    private static let keptCapacity = 64 * 1024

    /// A compressor with a window.
    /// - Throws: `unavailable`.
    package init(_ window: DeflateWindow) throws(DeflateError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = deflateInit2_(
            stream,
            RawDeflater.level,
            Z_DEFLATED,
            -Int32(window.rawValue),
            window.memoryLevel,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        guard code == Z_OK else { throw .unavailable(code) }
    }

    deinit {
        deflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Calls `body` with a message's compressed bytes, which end at a byte's border and lack ``tail``.
    /// - Returns: nil when the message doesn't become smaller.
    package func withCompressed<Result>(
        _ message: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result? {
        guard let start = message.baseAddress, message.count > RawDeflater.tail.count, message.count <= Int32.max
        else { return nil }
        // No room for more than the message itself: what grows is given up.
        if output.count < message.count { output = [UInt8](repeating: 0, count: message.count) }
        defer { if output.count > RawDeflater.keptCapacity { output = [] } }
        return output.withUnsafeMutableBytes { output -> Result? in
            guard let room = output.baseAddress, deflateReset(stream) == Z_OK else { return nil }
            stream.pointee.next_in = UnsafeMutablePointer(mutating: start.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(message.count)
            stream.pointee.next_out = room.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = UInt32(message.count)
            let code = deflate(stream, Z_SYNC_FLUSH)
            // A full output may lack something.
            guard code == Z_OK, stream.pointee.avail_in == 0, stream.pointee.avail_out > 0 else { return nil }
            let count = message.count - Int(stream.pointee.avail_out) - RawDeflater.tail.count
            return body(UnsafeRawBufferPointer(start: room, count: count))
        }
    }
}
