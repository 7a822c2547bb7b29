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
