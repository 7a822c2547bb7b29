import Deflate
import NIOCore
import SluiceCore

/// Builds the gateway's own frames.
///
/// They aren't masked (RFC 6455, section 5.1), so one buffer serves every socket.
enum ServerFrame {
    /// A ping without payload.
    static let ping = frame(.ping, [])

    // RSV1 (RFC 7692, section 6).
    private static let compressedBit: UInt8 = 0x40

    /// Bytes that the header of a payload takes.
    static func headerByteCount(_ payloadByteCount: Int) -> Int {
        payloadByteCount < 126 ? 2 : payloadByteCount <= Int(UInt16.max) ? 4 : 10
    }

    /// Appends the header of an unfragmented frame.
    static func writeHeader(
        _ opcode: FrameOpcode,
        _ payloadByteCount: Int,
        isCompressed: Bool = false,
        to buffer: inout ByteBuffer
    ) {
        buffer.writeInteger(0x80 | (isCompressed ? compressedBit : 0) | opcode.rawValue)
        switch payloadByteCount {
        case ..<126: buffer.writeInteger(UInt8(truncatingIfNeeded: payloadByteCount))
        case ...Int(UInt16.max): buffer.writeMultipleIntegers(UInt8(126), UInt16(truncatingIfNeeded: payloadByteCount))
        default: buffer.writeMultipleIntegers(UInt8(127), UInt64(truncatingIfNeeded: payloadByteCount))
        }
    }

    /// A frame around bytes.
    static func frame(_ opcode: FrameOpcode, _ payload: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(payload.count + headerByteCount(payload.count))
        writeHeader(opcode, payload.count, to: &buffer)
        buffer.writeBytes(payload)
        return buffer
    }

    /// A frame around a buffer's readable bytes.
    static func frame(_ opcode: FrameOpcode, _ payload: ByteBuffer) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(payload.readableBytes + headerByteCount(payload.readableBytes))
        writeHeader(opcode, payload.readableBytes, to: &buffer)
        buffer.writeImmutableBuffer(payload)
        return buffer
    }

    /// Appends an unfragmented data frame, compressed if that is negotiated and worth it.
    static func write(
        _ opcode: FrameOpcode,
        _ payload: UnsafeRawBufferPointer,
        _ compression: MessageCompression?,
        to buffer: inout ByteBuffer
    ) {
        let isWritten: Void? = compression.flatMap { compression in
            compression.rule.withCompressed(payload, compression.window) { compressed in
                let count = compressed.count
                buffer.reserveCapacity(minimumWritableBytes: count + headerByteCount(count))
                writeHeader(opcode, count, isCompressed: true, to: &buffer)
                buffer.writeBytes(compressed)
            }
        }
        guard isWritten == nil else { return }
        buffer.reserveCapacity(minimumWritableBytes: payload.count + headerByteCount(payload.count))
        writeHeader(opcode, payload.count, to: &buffer)
        buffer.writeBytes(payload)
    }

    /// A ready-made frame compressed, if it is a data frame and that is worth it; the frame itself otherwise.
    static func compressed(_ frame: ByteBuffer, _ compression: MessageCompression) -> ByteBuffer {
        guard frame.readableBytes >= compression.rule.minimumBytes,
            let first = frame.getInteger(at: frame.readerIndex, as: UInt8.self),
            let opcode = FrameOpcode(rawValue: first & 0x0F), !opcode.isControl,
            let length = frame.getInteger(at: frame.readerIndex + 1, as: UInt8.self)
        else { return frame }
        let headerBytes = length < 126 ? 2 : length == 126 ? 4 : 10
        return frame.withUnsafeReadableBytes { bytes in
            var compressed = ByteBuffer()
            write(opcode, UnsafeRawBufferPointer(rebasing: bytes.dropFirst(headerBytes)), compression, to: &compressed)
            return compressed
        }
    }

    /// A close frame of ours with its reason.
    static func close(_ code: CloseCode) -> ByteBuffer {
        frame(.close, [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)] + Array(code.reason.utf8))
    }

    /// A close frame with a reason of its own, cut where a control frame ends (RFC 6455, section 5.5).
    static func close(_ code: CloseCode, reason: String) -> ByteBuffer {
        var bytes = Array(reason.utf8.prefix(123))
        // A character that is cut in the middle goes.
        while String(validating: bytes, as: UTF8.self) == nil { bytes.removeLast() }
        return frame(.close, [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)] + bytes)
    }

    /// The answer to a client's close frame: its code, without its reason.
    static func closeAnswer(_ code: UInt16?) -> ByteBuffer {
        frame(.close, code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? [])
    }
}
