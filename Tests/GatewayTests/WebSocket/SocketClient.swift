import Glibc
import NIOCore
import SluiceCore

@testable import Gateway

/// A client's end of a socket, read when and as fast as the test says.
final class SocketClient {
    let channel: any Channel
    let tap: ChannelTap
    private var descriptor: CInt
    private var unread = ByteBuffer()

    init(descriptor: CInt, channel: any Channel, tap: ChannelTap) {
        self.descriptor = descriptor
        self.channel = channel
        self.tap = tap
    }

    deinit { close() }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    func send(_ text: String) {
        let bytes = Array(ClientFrame.text(text).readableBytesView)
        _ = Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL))
    }

    /// Reads until so many whole frames have come, one is the last, or the gateway has closed.
    func frames(
        _ count: Int,
        pieces: Int = 65_536,
        until isLast: (ReceivedFrame) -> Bool = { _ in false }
    ) throws -> [ReceivedFrame] {
        var frames: [ReceivedFrame] = []
        while frames.count < count {
            if let frame = nextFrame() {
                frames.append(frame)
                if isLast(frame) { break }
            } else if try !readSome(pieces) {
                break
            }
        }
        return frames
    }

    func texts(_ count: Int) throws -> [String] { try frames(count).map(\.text) }

    func sequences(_ count: Int, pieces: Int = 65_536) throws -> [UInt64] {
        try frames(count, pieces: pieces).compactMap { SequenceInEvent.number($0) }
    }

    /// Whether bytes are there that no frame has been made of.
    var hasMore: Bool {
        var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unread.readableBytes > 0 || poll(&one, 1, 0) > 0
    }

    /// Waits for bytes; false at the end.
    private func readSome(_ count: Int) throws -> Bool {
        var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&one, 1, 20_000) > 0 else { throw APIError(.requestTimeout, "Nothing came within 20 s.") }
        let result = unread.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            max(0, recv(descriptor, space.baseAddress, count, 0))
        }
        return result > 0
    }

    private func nextFrame() -> ReceivedFrame? {
        guard let second = unread.getInteger(at: unread.readerIndex + 1, as: UInt8.self) else { return nil }
        let start = unread.readerIndex
        let size: Int?
        switch second {
        case 126: size = unread.getInteger(at: start + 2, as: UInt16.self).map { Int($0) + 4 }
        case 127: size = unread.getInteger(at: start + 2, as: UInt64.self).map { Int($0) + 10 }
        default: size = Int(second) + 2
        }
        guard let size, var bytes = unread.readSlice(length: size) else { return nil }
        unread.discardReadBytes()
        return ReceivedFrame.read(&bytes).first
    }
}
