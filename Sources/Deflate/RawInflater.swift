import CZlib
package import NIOCore

/// Inflates messages one at a time, each by itself, and none further than it may go.
///
/// Bound to a thread.
package final class RawInflater {
    private let stream: UnsafeMutablePointer<z_stream>

    /// An inflater of any window.
    /// - Throws: `unavailable`.
    package init() throws(DeflateError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = inflateInit2_(stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { throw .unavailable(code) }
    }

    deinit {
        inflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Inflates a message that was sent without ``RawDeflater/tail``.
    ///
    /// No more than `maximumBytes` are ever held of it.
    /// - Throws: `InflateError`.
    package func inflate(_ message: ByteBuffer, maximumBytes: Int) throws(InflateError) -> ByteBuffer {
        var inflated = ByteBuffer()
        guard message.readableBytes > 0 else { return inflated }
        guard message.readableBytes <= Int32.max, inflateReset(stream) == Z_OK else { throw .unavailable }
        inflated.reserveCapacity(min(max(4 * message.readableBytes, 512), maximumBytes + 1))
        var end = End.within
        var error: InflateError?
        message.withUnsafeReadableBytes { bytes in
            do throws(InflateError) { end = try read(bytes, &inflated, maximumBytes) } catch let fault { error = fault }
        }
        // A message that ends with its last block (section 7.2.3.4) is complete without what was left out.
        let byteCount = inflated.readableBytes
        if error == nil, end != .finished {
            RawDeflater.tail.withUnsafeBytes { bytes in
                do throws(InflateError) { end = try read(bytes, &inflated, maximumBytes) } catch let fault {
                    error = fault
                }
            }
        }
        if let error { throw error }
        // Otherwise a block was cut off, and the tail was taken for a part of it: by itself it stands for nothing.
        guard end != .within, inflated.readableBytes == byteCount else { throw .broken }
        return inflated
    }

    /// Where the input has ended.
    private enum End {
        /// Within a block.
        case within
        /// Between blocks.
        case between
        /// Behind the last one.
        case finished
    }

    private func read(
        _ input: UnsafeRawBufferPointer,
        _ inflated: inout ByteBuffer,
        _ maximumBytes: Int
    ) throws(InflateError) -> End {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        var end = End.within
        repeat {
            // Another stream begins behind the last block of one.
            if end == .finished, inflateReset(stream) != Z_OK { throw .unavailable }
            // One byte more than allowed, to see that there is more.
            let room = min(max(inflated.writableBytes, 16 * 1024), maximumBytes + 1 - inflated.readableBytes)
            var code = Z_OK
            inflated.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { output in
                let room = min(output.count, room)
                stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(room)
                code = CZlib.inflate(stream, Z_SYNC_FLUSH)
                return room - Int(stream.pointee.avail_out)
            }
            guard inflated.readableBytes <= maximumBytes else { throw .tooLarge }
            switch code {
            // zlib's bit for "between blocks".
            case Z_OK, Z_BUF_ERROR: end = stream.pointee.data_type & 128 != 0 ? .between : .within
            case Z_STREAM_END: end = .finished
            case Z_MEM_ERROR: throw .unavailable
            default: throw .broken
            }
        } while stream.pointee.avail_in > 0 || (stream.pointee.avail_out == 0 && end != .finished)
        return end
    }
}
