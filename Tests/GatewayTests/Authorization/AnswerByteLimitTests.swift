import Gateway
import Logging
import NIOCore
import NIOPosix
import SluiceCore
import Synchronization
import Testing

@Suite("A back end that floods")
struct AnswerByteLimitTests {
    @Test("its informational responses are cut off, long before the question's time is over")
    func informational() async throws {
        let written = Mutex(0)
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Flood { count in written.withLock { $0 += count } }
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        var configuration = WebhookConfiguration()
        configuration.url = "http://127.0.0.1:\(server.localAddress?.port ?? 0)/"
        configuration.timeout = .seconds(60)
        let authorizer = try WebhookAuthorizer(configuration: configuration, logger: Logger(label: "test"))
        let asked = ContinuousClock.now
        await #expect(throws: APIError.self) { _ = try await authorizer.connect(ConnectRequest(token: "t")) }
        #expect(asked.duration(to: .now) < .seconds(30))
        // The second time is for a connection that was found closed; what the sockets hold comes on top.
        #expect(written.withLock { $0 } < 64 * 1024 * 1024)
        try await server.close()
    }
}

/// Answers with informational responses for as long as anybody reads.
private final class Flood: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let note: (Int) -> Void
    private var isFlooding = false

    init(note: @escaping (Int) -> Void) { self.note = note }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isFlooding { return }
        isFlooding = true
        write(context)
    }

    private func write(_ context: ChannelHandlerContext) {
        let text = String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 1_000)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).whenSuccess {
            let (handler, context) = bound.value
            handler.note(text.utf8.count)
            handler.write(context)
        }
    }
}
