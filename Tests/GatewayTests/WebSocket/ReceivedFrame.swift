import NIOCore

/// A frame of the gateway, as a client reads it.
struct ReceivedFrame: Equatable {
    let opcode: UInt8
    let payload: [UInt8]

    /// The payload as text.
    var text: String { String(decoding: payload, as: UTF8.self) }

    /// The code of a close frame.
    var closeCode: UInt16? { payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil }

    /// Takes all whole frames from a buffer.
    static func read(_ buffer: inout ByteBuffer) -> [ReceivedFrame] {
        var frames: [ReceivedFrame] = []
        while let frame = readOne(&buffer) { frames.append(frame) }
        return frames
    }

    private static func readOne(_ buffer: inout ByteBuffer) -> ReceivedFrame? {
        guard let first = buffer.readInteger(as: UInt8.self), let second = buffer.readInteger(as: UInt8.self) else {
            return nil
        }
        let count: Int
        switch second {
        case 126: count = Int(buffer.readInteger(as: UInt16.self) ?? 0)
        case 127: count = Int(buffer.readInteger(as: UInt64.self) ?? 0)
        default: count = Int(second)
        }
        guard let payload = buffer.readBytes(length: count) else { return nil }
        return ReceivedFrame(opcode: first & 0x0F, payload: payload)
    }
}
