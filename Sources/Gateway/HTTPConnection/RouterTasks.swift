import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1
import SluiceCore

/// Has Hummingbird's router answer requests, each in a task of its own that ends with the answer or the connection.
struct RouterTasks: RequestRouting, Sendable {
    private let respond: @Sendable (Request, GatewayRequestContext) async throws -> Response
    /// Whether a route takes HEAD itself; else it is answered by those that take GET.
    private let heads: HeadRoutes
    /// The embedding server's routes, and which paths are the gateway's own.
    private let others: (routes: MountedRoutes, own: RouteTable)?
    private let connections: OpenConnections
    private let logger: Logger

    /// Who answers a HEAD.
    enum HeadRoutes {
        case none
        case some
    }

    init(
        responder: some HTTPResponder<GatewayRequestContext>,
        heads: HeadRoutes = .none,
        others: (routes: MountedRoutes, own: RouteTable)? = nil,
        connections: OpenConnections,
        logger: Logger
    ) {
        respond = { request, context in try await responder.respond(to: request, context: context) }
        self.heads = heads
        self.others = others
        self.connections = connections
        self.logger = logger
    }

    func begin(
        _ request: RoutedRequest,
        for connection: HTTPConnectionHandler,
        on channel: any Channel
    ) -> any RoutedRun {
        let reply = RoutedReply(
            number: request.number,
            isHead: request.head.method == .HEAD,
            connection: NIOLoopBound(connection, eventLoop: channel.eventLoop)
        )
        let input = InputEnd()
        connections.taskBegan()
        guard request.bodyLength != 0 else {
            return RoutedTask(
                source: nil,
                task: task(request, RequestBody(buffer: ByteBuffer()), reply, channel, input),
                input: input
            )
        }
        let sequence = RoutedTask.Producer.makeSequence(
            elementType: ByteBuffer.self,
            failureType: (any Error).self,
            backPressureStrategy: .init(lowWatermark: 2, highWatermark: 10),
            finishOnDeinit: true,
            delegate: RoutedTask.Demand(reply: reply)
        )
        let body = RequestBody(asyncSequence: sequence.sequence)
        return RoutedTask(source: sequence.source, task: task(request, body, reply, channel, input), input: input)
    }

    private func task(
        _ request: RoutedRequest,
        _ body: RequestBody,
        _ reply: RoutedReply,
        _ channel: any Channel,
        _ input: InputEnd
    ) -> Task<Void, Never> {
        // A task of its own: the event loop can't wait, routes do, and it is cancelled when the client leaves.
        Task {
            await reply.send(await answer(request, body, channel, input))
            connections.taskEnded()
        }
    }

    /// Answers a request of another protocol's connection.
    @concurrent func answer(
        _ request: Request,
        from client: ClientAddress,
        certificate: ClientCertificate?,
        on channel: any Channel
    ) async -> Response {
        connections.taskBegan()
        defer { connections.taskEnded() }
        return await answer(request.head, request.body, (client, certificate), channel, InputEnd())
    }

    @concurrent private func answer(
        _ request: RoutedRequest,
        _ body: RequestBody,
        _ channel: any Channel,
        _ input: InputEnd
    ) async -> Response {
        guard let head = try? HTTPRequest(request.head, secure: false, splitCookie: false) else {
            return HTTPAnswer.error(APIError(.invalidRequest, "The request's method or target is not one of HTTP."))
        }
        return await answer(head, body, (request.client, request.certificate), channel, input)
    }

    @concurrent private func answer(
        _ head: HTTPRequest,
        _ body: RequestBody,
        _ client: (address: ClientAddress, certificate: ClientCertificate?),
        _ channel: any Channel,
        _ input: InputEnd
    ) async -> Response {
        var logger = logger
        logger[metadataKey: "hb.request.id"] = .stringConvertible(RequestID())
        if let others, !others.own.isOwn(head) {
            return await others.routes.answer(Request(head: head, body: body), channel, logger)
        }
        var context = GatewayRequestContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
        context.input = input
        context.client = client.address
        context.certificate = client.certificate
        guard head.method == .head else { return await answer(Request(head: head, body: body), context) }
        if case .some = heads {
            let answer = await answer(Request(head: head, body: body), context)
            guard answer.status == .methodNotAllowed || answer.status == .notFound else { return answer }
        }
        var asGet = head
        asGet.method = .get
        return await answer(Request(head: asGet, body: body), context)
    }

    @concurrent private func answer(_ request: Request, _ context: GatewayRequestContext) async -> Response {
        do {
            return try await respond(request, context)
        } catch {
            logger.debug("A route failed past its error handling.", metadata: ["error": "\(error)"])
            return HTTPAnswer.error(APIError(.internalError, "The request failed inside the gateway."))
        }
    }
}

/// A routed request in its task.
final class RoutedTask: RoutedRun {
    typealias Producer = NIOThrowingAsyncSequenceProducer<
        ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, Demand
    >

    /// Tells the connection when more of the body is wanted.
    struct Demand: NIOAsyncSequenceProducerDelegate {
        let reply: RoutedReply

        func produceMore() { reply.wantBody() }
        func didTerminate() { reply.wantBody() }
    }

    private let source: Producer.Source?
    private let task: Task<Void, Never>
    private let input: InputEnd
    private(set) var demand = BodyDemand.wanted

    init(source: Producer.Source?, task: Task<Void, Never>, input: InputEnd) {
        self.source = source
        self.task = task
        self.input = input
    }

    func append(_ bytes: ByteBuffer) {
        switch source?.yield(bytes) {
        case .stopProducing: demand = .full
        case .produceMore, .dropped, nil: demand = .wanted
        }
    }

    func finishBody() { source?.finish() }

    func fail(_ error: APIError) { source?.finish(error) }

    func inputClosed() { input.close() }

    func cancel() {
        source?.finish(CancellationError())
        task.cancel()
    }

    /// The body is read again, or nobody reads it any more.
    func wantMore() { demand = .wanted }
}

/// The way of a routed answer from its task to the connection's event loop.
struct RoutedReply: Sendable {
    let number: UInt64
    /// Whether the request is a HEAD, whose answer has no body.
    let isHead: Bool
    let connection: NIOLoopBound<HTTPConnectionHandler>

    private var eventLoop: any EventLoop { connection.eventLoop }

    /// Sends an answer; returns when the connection has taken all of it, or is gone.
    @concurrent func send(_ response: Response) async {
        let head = RoutedHead(status: response.status.code, fields: response.headers)
        do {
            if isHead {
                try await send(RoutedPiece(head: head, body: nil, place: .last))
            } else {
                try await response.body.write(RoutedBodyWriter(reply: self, head: head))
            }
        } catch {
            // The client has gone, or the body's source failed: what is missing tells the client.
        }
        eventLoop.execute { connection.value.routedEnded(number) }
    }

    /// Sends a piece and waits until the connection can take another.
    @concurrent fileprivate func send(_ piece: RoutedPiece) async throws {
        let promise = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { connection.value.answerRouted(number, piece, promise) }
        try await promise.futureResult.get()
    }

    fileprivate func wantBody() {
        eventLoop.execute { connection.value.routedWantsBody(number) }
    }
}

/// Takes the body of a routed answer.
private struct RoutedBodyWriter: ResponseBodyWriter {
    let reply: RoutedReply
    /// Until it is sent.
    var head: RoutedHead?
    /// The whole body, when it came at once: head, body and end then go together.
    var whole: ByteBuffer?

    @concurrent mutating func write(_ buffer: ByteBuffer) async throws {
        if let head, whole == nil, head.length == buffer.readableBytes {
            whole = buffer
            return
        }
        try await send(RoutedPiece(head: nil, body: buffer, place: .more))
    }

    @concurrent consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
        try await send(RoutedPiece(head: nil, body: nil, place: .last))
    }

    @concurrent private mutating func send(_ piece: RoutedPiece) async throws {
        var piece = piece
        piece.head = head
        head = nil
        if let whole {
            self.whole = nil
            guard piece.body == nil else {
                try await reply.send(RoutedPiece(head: piece.head, body: whole, place: .more))
                return try await reply.send(RoutedPiece(head: nil, body: piece.body, place: piece.place))
            }
            piece.body = whole
        }
        try await reply.send(piece)
    }
}
