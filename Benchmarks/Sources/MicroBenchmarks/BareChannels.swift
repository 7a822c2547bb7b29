import NIOCore
import NIOEmbedded

/// Embedded channels without anything of the gateway: the price of the test bed.
final class BareChannels {
    private let eventLoop = EmbeddedEventLoop()
    private let channels: [EmbeddedChannel]
    private let frame = ByteBuffer(repeating: 0x78, count: 400)

    init(count: Int) throws {
        let eventLoop = eventLoop
        channels = (0..<count).map { _ in EmbeddedChannel(loop: eventLoop) }
    }

    /// One buffer to each, and a flush.
    func write() {
        for channel in channels { channel.write(frame, promise: nil) }
        for channel in channels { channel.flush() }
    }

    /// Takes out what was written.
    func drain() throws {
        for channel in channels {
            while try channel.readOutbound(as: ByteBuffer.self) != nil {}
        }
    }
}
