import NIOCore
import NIOWebSocket

/// A client's frame as the decoder read it, unmasked but not judged.
struct InboundFrame {
    /// Whether it ends a message.
    var isFinal: Bool
    /// Whether the first reserved bit is set, with which a compressed message begins (RFC 7692, section 6).
    var isCompressed: Bool
    /// Whether one of the other two reserved bits is set: they belong to extensions that aren't negotiated here.
    var hasReservedBits: Bool
    /// The opcode's four bits.
    var opcode: UInt8
    /// Whether the client masked it, as it must.
    var isMasked: Bool
    /// The unmasked payload.
    var payload: ByteBuffer

    /// A frame from its parts.
    init(
        isFinal: Bool = true,
        isCompressed: Bool = false,
        hasReservedBits: Bool = false,
        opcode: UInt8,
        isMasked: Bool = true,
        payload: ByteBuffer
    ) {
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.hasReservedBits = hasReservedBits
        self.opcode = opcode
        self.isMasked = isMasked
        self.payload = payload
    }

    /// Takes over what NIO's decoder read.
    init(_ frame: WebSocketFrame) {
        self.init(
            isFinal: frame.fin,
            isCompressed: frame.rsv1,
            hasReservedBits: frame.rsv2 || frame.rsv3,
            opcode: UInt8(webSocketOpcode: frame.opcode),
            isMasked: frame.maskKey != nil,
            payload: frame.unmaskedData
        )
    }
}

/// The opcodes of RFC 6455, section 5.2; the others are reserved.
enum FrameOpcode: UInt8 {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Control frames may stand between a message's fragments and are never fragmented themselves (section 5.5).
    var isControl: Bool { rawValue & 0x8 != 0 }
}
