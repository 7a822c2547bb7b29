import NIOCore

/// Takes WebSocket server frames (RFC 6455, section 5.2; never masked) out of a byte stream.
struct FrameReader {
    /// One frame: its opcode and where its payload stands.
    struct Frame {
        let opcode: UInt8
        let payload: ByteBuffer
    }

    /// The next whole frame of `buffer`, or nil while it isn't complete.
    static func next(in buffer: inout ByteBuffer) -> Frame? {
        let start = buffer.readerIndex
        guard let first = buffer.getInteger(at: start, as: UInt8.self),
            let second = buffer.getInteger(at: start + 1, as: UInt8.self)
        else { return nil }
        var header = 2
        var length = Int(second & 0x7F)
        if length == 126 {
            guard let long = buffer.getInteger(at: start + 2, as: UInt16.self) else { return nil }
            length = Int(long)
            header = 4
        } else if length == 127 {
            guard let long = buffer.getInteger(at: start + 2, as: UInt64.self) else { return nil }
            length = Int(long)
            header = 10
        }
        guard buffer.readableBytes >= header + length else { return nil }
        buffer.moveReaderIndex(forwardBy: header)
        guard let payload = buffer.readSlice(length: length) else { return nil }
        return Frame(opcode: first & 0x0F, payload: payload)
    }
}
