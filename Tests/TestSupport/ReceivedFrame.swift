public import NIOCore
import SluiceCore

/// A frame of the gateway, as a client reads it.
public struct ReceivedFrame: Equatable, Sendable {
    /// What kind of frame it is.
    public let opcode: UInt8
    /// What it carries.
    public let payload: [UInt8]

    /// Makes a frame to compare with.
    public init(opcode: UInt8, payload: [UInt8]) {
        self.opcode = opcode
        self.payload = payload
    }

    /// The payload as text.
    public var text: String { String(decoding: payload, as: UTF8.self) }

    /// The code of a close frame.
    public var closeCode: UInt16? { payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil }

    /// The sequence number, if the frame is an event of `sluice.v1`.
    public var eventSequence: UInt64? {
        guard let value = try? JSONValue(payload), value["type"]?.string == "event" else { return nil }
        return value["sequence"]?.unsignedInteger
    }

    /// Takes all whole frames from a buffer.
    public static func read(_ buffer: inout ByteBuffer) -> [ReceivedFrame] {
        var frames: [ReceivedFrame] = []
        while let frame = readOne(&buffer) { frames.append(frame) }
        return frames
    }

    /// Takes the next frame from a buffer; nil, and nothing taken, when it isn't whole yet.
    public static func readOne(_ buffer: inout ByteBuffer) -> ReceivedFrame? {
        var rest = buffer
        guard let first = rest.readInteger(as: UInt8.self), let second = rest.readInteger(as: UInt8.self) else {
            return nil
        }
        let count: Int?
        switch second {
        case 126: count = rest.readInteger(as: UInt16.self).map { Int($0) }
        case 127: count = rest.readInteger(as: UInt64.self).map { Int($0) }
        default: count = Int(second)
        }
        guard let count, let payload = rest.readBytes(length: count) else { return nil }
        buffer = rest
        return ReceivedFrame(opcode: first & 0x0F, payload: payload)
    }
}

/// What a WebSocket client has received: bytes in, frames out.
///
/// The tests' clients are this over three transports: NIO's embedded channel, where no time passes; a plain socket, which is read when and
/// as fast as the test says; and an asynchronous channel to a `sluice` process.
public struct ReceivedFrames: Sendable {
    private var unread = ByteBuffer()

    /// Nothing received yet.
    public init() {}

    /// Adds bytes in the order in which they came.
    public mutating func receive(_ bytes: ByteBuffer) { unread.writeImmutableBuffer(bytes) }

    /// Takes the next frame; nil when none is whole yet.
    public mutating func next() -> ReceivedFrame? {
        defer { unread.discardReadBytes() }
        return ReceivedFrame.readOne(&unread)
    }

    /// Takes all whole frames.
    public mutating func all() -> [ReceivedFrame] { ReceivedFrame.read(&unread) }

    /// Takes the head of the answer to the handshake, with the empty line behind it; nil when it isn't whole yet.
    public mutating func handshakeHead() -> String? {
        guard let range = unread.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        return unread.readString(length: range.upperBound - unread.readerIndex)
    }

    /// Whether bytes are there that no frame has been made of.
    public var hasUnread: Bool { unread.readableBytes > 0 }
}
