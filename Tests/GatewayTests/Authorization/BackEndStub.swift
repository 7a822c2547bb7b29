import NIOCore
import NIOHTTP1
import NIOPosix
import SluiceCore
import Synchronization

/// A real HTTP server that stands in for the user's back end.
final class BackEndStub: Sendable {
    struct Asked: Sendable {
        let json: String
        let authorization: String?
    }

    enum Reply: Sendable {
        case answer(String)
        case status(Int, String)
        case redirect(String)
        case nothing
        case hangUp
    }

    private let channel: any Channel
    private let recorder: Recorder

    var url: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)/authorize" }
    var asked: [Asked] { recorder.asked.withLock { $0 } }

    private init(channel: any Channel, recorder: Recorder) {
        self.channel = channel
        self.recorder = recorder
    }

    /// Runs `body` with a server that replies as `reply` says.
    static func run(
        _ reply: @escaping @Sendable (String) async -> Reply,
        _ body: (BackEndStub) async throws -> Void
    ) async throws {
        let recorder = Recorder()
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(Handler(recorder: recorder, reply: reply))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let stub = BackEndStub(channel: channel, recorder: recorder)
        do {
            try await body(stub)
        } catch {
            try? await channel.close()
            throw error
        }
        try await channel.close()
    }
}

private final class Recorder: Sendable {
    let asked = Mutex<[BackEndStub.Asked]>([])
}

private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let recorder: Recorder
    private let reply: @Sendable (String) async -> BackEndStub.Reply
    private var authorization: String?
    private var body = ByteBuffer()

    init(recorder: Recorder, reply: @escaping @Sendable (String) async -> BackEndStub.Reply) {
        self.recorder = recorder
        self.reply = reply
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            authorization = head.headers.first(name: "authorization")
            body.clear()
        case .body(var part):
            body.writeBuffer(&part)
        case .end:
            answer(String(buffer: body), context.channel)
        }
    }

    private func answer(_ question: String, _ channel: any Channel) {
        recorder.asked.withLock { $0.append(BackEndStub.Asked(json: question, authorization: authorization)) }
        let reply = reply
        Task {
            switch await reply(question) {
            case .answer(let json): Handler.write(.ok, [:], json, channel)
            case .status(let status, let text):
                Handler.write(HTTPResponseStatus(statusCode: status), [:], text, channel)
            case .redirect(let url): Handler.write(.temporaryRedirect, ["location": url], "", channel)
            case .nothing: break
            case .hangUp: channel.close(promise: nil)
            }
        }
    }

    private static func write(
        _ status: HTTPResponseStatus,
        _ headers: HTTPHeaders,
        _ text: String,
        _ channel: any Channel
    ) {
        var headers = headers
        headers.add(name: "content-length", value: String(text.utf8.count))
        channel.write(
            HTTPServerResponsePart.head(.init(version: .http1_1, status: status, headers: headers)),
            promise: nil
        )
        channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: text))), promise: nil)
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
    }
}
