import NIOCore
import SluiceCore

/// Cuts the bytes of a link into frames.
///
/// Record bytes are slices of what was read, never copied.
///
/// The first error is final: the decoder can't know where the next frame starts, so the link is closed.
struct LinkFrameDecoder {
    /// Longest frame, bytes without the length itself.
    ///
    /// Small until the handshake is done, so that a stranger can't make this end hold much.
    var maximumFrameBytes = LinkLimits.handshakeFrameBytes
    /// Length of the frame that ``next()`` gave last, bytes, its length prefix included.
    private(set) var frameBytes = 0

    private var buffer = ByteBuffer()
    /// Whether nobody else holds the buffer's storage, so that appending doesn't copy all of it.
    private var isOwn = true
    private var failure: LinkError?

    private static let lengthBytes = 4

    /// Adds what was read.
    mutating func append(_ bytes: ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = bytes
            isOwn = false
        } else if isOwn {
            buffer.writeImmutableBuffer(bytes)
        } else {
            // Frames cut from the old storage are still in use: only the rest of it, less than a frame, moves.
            var joined = ByteBufferAllocator().buffer(capacity: buffer.readableBytes + bytes.readableBytes)
            joined.writeImmutableBuffer(buffer)
            joined.writeImmutableBuffer(bytes)
            buffer = joined
            isOwn = true
        }
    }

    /// The next whole frame, or nil when more bytes have to come.
    /// - Throws: ``LinkError`` with code `frameTooLarge`, `unknownFrameType` or `malformedFrame`; the same again ever
    ///   after.
    mutating func next() throws(LinkError) -> LinkFrame? {
        if let failure { throw failure }
        do throws(LinkError) {
            guard let (type, body) = try cut() else { return nil }
            var decoder = LinkFrameBody(type: type, bytes: body)
            return try decoder.decode()
        } catch {
            failure = error
            buffer = ByteBuffer()
            throw error
        }
    }

    private mutating func cut() throws(LinkError) -> (LinkFrameType, ByteBuffer)? {
        guard let prefix = buffer.getInteger(at: buffer.readerIndex, endianness: .little, as: UInt32.self) else {
            return nil
        }
        let length = Int(prefix)
        guard length > 0 else {
            throw LinkError(.malformedFrame, "A frame of the link is empty. Is the other end a Sluice?")
        }
        guard length <= maximumFrameBytes else {
            throw LinkError(
                .frameTooLarge,
                "A frame of the link has \(length) bytes and the limit is \(maximumFrameBytes). "
                    + "Is the other end a Sluice?"
            )
        }
        guard buffer.readableBytes >= LinkFrameDecoder.lengthBytes + length else { return nil }
        buffer.moveReaderIndex(forwardBy: LinkFrameDecoder.lengthBytes)
        guard let rawType: UInt8 = buffer.readInteger(), let body = buffer.readSlice(length: length - 1) else {
            return nil
        }
        isOwn = false
        frameBytes = LinkFrameDecoder.lengthBytes + length
        guard let type = LinkFrameType(rawValue: rawType) else {
            throw LinkError(
                .unknownFrameType,
                "A frame of the link has the type \(rawType), which this version doesn't know."
            )
        }
        return (type, body)
    }
}
