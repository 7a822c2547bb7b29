public import NIOCore

/// Frames as a client sends them: masked, and as wrong as a test wants them.
public enum ClientFrame {
    /// A frame of any opcode.
    public static func bytes(
        _ opcode: UInt8,
        _ payload: [UInt8] = [],
        isFinal: Bool = true,
        reservedBits: UInt8 = 0,
        isMasked: Bool = true
    ) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger((isFinal ? 0x80 : 0) | reservedBits | opcode)
        let mask: UInt8 = isMasked ? 0x80 : 0
        switch payload.count {
        case ..<126: buffer.writeInteger(mask | UInt8(payload.count))
        case ..<65_536: buffer.writeMultipleIntegers(mask | 126, UInt16(payload.count))
        default: buffer.writeMultipleIntegers(mask | 127, UInt64(payload.count))
        }
        guard isMasked else {
            buffer.writeBytes(payload)
            return buffer
        }
        let key: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        buffer.writeBytes(key)
        buffer.writeBytes(payload.enumerated().map { $1 ^ key[$0 % 4] })
        return buffer
    }

    /// A whole text message.
    public static func text(_ text: String) -> ByteBuffer { bytes(0x1, Array(text.utf8)) }

    /// A close frame, with or without a code.
    public static func close(_ code: UInt16?, reason: [UInt8] = []) -> ByteBuffer {
        bytes(0x8, (code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? []) + reason)
    }
}
