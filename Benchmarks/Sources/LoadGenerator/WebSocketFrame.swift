/// WebSocket frames (RFC 6455, section 5.2), as much of them as a load generator needs.
struct WebSocketFrame {
    let opcode: UInt8
    /// Where the payload stands in the bytes that were read.
    let payload: Range<Int>

    /// The frame of a server (never masked) that begins at `start`, or nil while it isn't complete.
    init?(in bytes: UnsafeRawBufferPointer, at start: Int) {
        guard bytes.count >= start + 2 else { return nil }
        var position = start + 2
        var length = Int(bytes[start + 1] & 0x7F)
        if length == 126 {
            guard bytes.count >= start + 4 else { return nil }
            length = Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt16.self)))
            position += 2
        } else if length == 127 {
            guard bytes.count >= start + 10 else { return nil }
            length = Int(
                truncatingIfNeeded: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            )
            position += 8
        }
        guard length >= 0, length <= bytes.count - position else { return nil }
        opcode = bytes[start] & 0x0F
        payload = position..<position + length
    }

    /// A client's frame.
    ///
    /// Its mask is zero, which is a valid one and spares the generator the work, not the server.
    static func client(opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var frame: [UInt8] = [0x80 | opcode]
        if payload.count < 126 {
            frame.append(0x80 | UInt8(payload.count))
        } else {
            frame += [
                0x80 | 126, UInt8(truncatingIfNeeded: payload.count >> 8), UInt8(truncatingIfNeeded: payload.count),
            ]
        }
        return frame + [0, 0, 0, 0] + payload
    }
}
