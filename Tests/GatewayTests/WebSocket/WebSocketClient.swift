import NIOCore
import NIOEmbedded
import NIOHTTP1
import SluiceCore
import TestSupport

@testable import Gateway

/// One client of a ``WebSocketHarness``.
final class WebSocketClient {
    let channel: EmbeddedChannel
    let headers: HTTPHeaders
    private let harness: WebSocketHarness
    private var received = ReceivedFrames()
    private(set) var connectionID = ""
    /// Pieces that were written, as the socket sees them.
    private(set) var writes = 0

    init(channel: EmbeddedChannel, harness: WebSocketHarness, headers: HTTPHeaders) {
        self.channel = channel
        self.harness = harness
        self.headers = headers
    }

    var id: ConnectionID? { ConnectionID(connectionID) }

    func send(_ text: String) throws { try send(ClientFrame.text(text)) }

    func send(_ frames: ByteBuffer...) throws {
        var bytes = ByteBuffer()
        for frame in frames { bytes.writeImmutableBuffer(frame) }
        try channel.writeInbound(bytes)
        harness.eventLoop.run()
    }

    /// All frames since the last call.
    func read() -> [ReceivedFrame] {
        while let part = try? channel.readOutbound(as: ByteBuffer.self) {
            writes += 1
            received.receive(part)
        }
        let frames = received.all()
        for frame in frames where frame.text.hasPrefix(#"{"type":"connected","connectionId":""#) {
            connectionID = String(frame.text.dropFirst(36).prefix(ConnectionID.textCharacters))
        }
        return frames
    }

    /// The texts of all frames since the last call.
    func texts() -> [String] { read().map(\.text) }

    /// The sequence numbers of the events since the last call.
    func sequences() -> [UInt64] { read().compactMap(\.eventSequence) }

    var isOpen: Bool { channel.isActive }

    /// Whether the gateway has closed its own side.
    var isOutputClosed: Bool {
        (try? channel.pipeline.syncOperations.handler(type: OutputCloses.self).count) == 1
    }
}
