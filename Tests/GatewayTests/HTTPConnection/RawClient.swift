import Glibc
import NIOCore
import NIOPosix

/// A TCP client that sends exactly the bytes that the test says.
final class RawClient: Sendable {
    private let channel: any Channel
    private let inbound: NIOLoopBound<Collector>

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var bytes: [UInt8] = []
        var waiters: [(isMet: ([UInt8], Bool) -> Bool, promise: EventLoopPromise<[UInt8]>)] = []
        var isClosed = false

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes += unwrapInboundIn(data).readableBytesView
            check()
        }

        func channelInactive(context: ChannelHandlerContext) {
            isClosed = true
            check()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if event as? ChannelEvent == .inputClosed {
                isClosed = true
                check()
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func check() {
            waiters.removeAll { waiter in
                guard isClosed || waiter.isMet(bytes, isClosed) else { return false }
                waiter.promise.succeed(bytes)
                return true
            }
        }
    }

    private init(channel: any Channel, inbound: NIOLoopBound<Collector>) {
        self.channel = channel
        self.inbound = inbound
    }

    static func connect(port: Int) async throws -> RawClient {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let collector = Collector()
                    try channel.pipeline.syncOperations.addHandler(collector)
                    return RawClient(channel: channel, inbound: NIOLoopBound(collector, eventLoop: channel.eventLoop))
                }
            }
    }

    func send(_ text: String) async throws { try await send(ByteBuffer(string: text)) }

    func send(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes) }

    /// Closes the client's side only.
    func closeOutput() async throws { try await channel.close(mode: .output) }

    /// Closes the connection; the server may have been faster.
    func close() async throws {
        do {
            try await channel.close()
        } catch ChannelError.alreadyClosed {}
    }

    /// Resets the connection, as a client that crashes does.
    func reset() async throws {
        try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await close()
    }

    /// All that has come once it contains `needle` so many times, or the server has closed.
    func received(_ needle: String, times: Int = 1) async throws -> String {
        let bytes = try await wait { bytes, _ in
            String(decoding: bytes, as: UTF8.self).ranges(of: needle).count >= times
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// All that has come once the server has closed.
    func receivedAll() async throws -> String { String(decoding: try await receivedBytes(), as: UTF8.self) }

    /// The same, as bytes.
    func receivedBytes() async throws -> [UInt8] { try await wait { _, isClosed in isClosed } }

    /// Waits until what has come is such, or the server has closed.
    func waitForBytes(_ isMet: @escaping @Sendable ([UInt8]) -> Bool) async throws {
        _ = try await wait { bytes, _ in isMet(bytes) }
    }

    private func wait(_ isMet: @escaping @Sendable ([UInt8], Bool) -> Bool) async throws -> [UInt8] {
        let promise = channel.eventLoop.makePromise(of: [UInt8].self)
        channel.eventLoop.execute { [inbound] in
            inbound.value.waiters.append((isMet, promise))
            inbound.value.check()
        }
        return try await promise.futureResult.get()
    }
}
