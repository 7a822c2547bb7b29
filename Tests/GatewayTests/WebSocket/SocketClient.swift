import Glibc
import NIOCore
import SluiceCore
import TestSupport

@testable import Gateway

/// A client's end of a socket, read when and as fast as the test says.
final class SocketClient {
    let channel: any Channel
    let tap: ChannelTap
    private var descriptor: CInt
    private var received = ReceivedFrames()

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
            if let frame = received.next() {
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
        try frames(count, pieces: pieces).compactMap(\.eventSequence)
    }

    /// Whether bytes are there that no frame has been made of.
    var hasMore: Bool {
        var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return received.hasUnread || poll(&one, 1, 0) > 0
    }

    /// Waits for bytes; false at the end.
    private func readSome(_ count: Int) throws -> Bool {
        var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&one, 1, 20_000) > 0 else { throw APIError(.requestTimeout, "Nothing came within 20 s.") }
        var bytes = ByteBuffer()
        let result = bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            max(0, recv(descriptor, space.baseAddress, count, 0))
        }
        received.receive(bytes)
        return result > 0
    }
}
