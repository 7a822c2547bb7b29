import NIOCore
import NIOHTTP1
import SluiceCore

/// Looks at a connection's first request and makes the connection a WebSocket, or hands it to HTTP with nothing lost.
///
/// NIO's own upgrade handlers lose the head of a request whose upgrade doesn't come about, thus a refused WebSocket
/// could not be told why and a request that merely offers HTTP/2 would break; hence our own.
final class ProtocolChooser: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Adds the handlers of HTTP behind the chooser; with the answer to the first request if its upgrade was refused.
    typealias SpeakHTTP = (_ refusal: APIError?) throws -> NegotiatedProtocol

    private enum Phase {
        /// No request has come.
        case waiting
        /// A WebSocket is asked for; `answer` is set once the upgrade is accepted.
        case deciding(HTTPRequestHead, isComplete: Bool, answer: HTTPHeaders?)
        /// The 101 is written; what comes now are frames.
        case upgrading
        /// The chooser is leaving.
        case done
    }

    private let upgrade: any ConnectionUpgrading
    private let rules: HeadRules
    private let front: ConnectionFront
    private let httpHandlers: [any RemovableChannelHandler]
    private let speakHTTP: SpeakHTTP
    private let promise: EventLoopPromise<NegotiatedProtocol>
    private var phase = Phase.waiting
    // What came while the decision was open; reading stops meanwhile, so that it holds one read's worth.
    private var held: [NIOAny] = []
    private var heldError: (any Error)?
    private var isReadHeld = false

    /// `httpHandlers`: decoder and encoder, which a WebSocket doesn't keep.
    init(
        upgrade: any ConnectionUpgrading,
        rules: HeadRules,
        front: ConnectionFront,
        httpHandlers: [any RemovableChannelHandler],
        promise: EventLoopPromise<NegotiatedProtocol>,
        speakHTTP: @escaping SpeakHTTP
    ) {
        self.upgrade = upgrade
        self.rules = rules
        self.front = front
        self.httpHandlers = httpHandlers
        self.promise = promise
        self.speakHTTP = speakHTTP
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch phase {
        case .waiting:
            held.append(data)
            guard case .head(let head) = unwrapInboundIn(data) else { return becomeHTTP(context, nil) }
            guard WebSocketHandshake.isAsked(by: head) else { return becomeHTTP(context, nil) }
            phase = .deciding(head, isComplete: false, answer: nil)
            decide(context, head)
        case .deciding(let head, let isComplete, let answer):
            held.append(data)
            guard !isComplete else { return }
            guard case .end = unwrapInboundIn(data) else {
                return becomeHTTP(context, APIError(.invalidRequest, "A request for a WebSocket has no body."))
            }
            phase = .deciding(head, isComplete: true, answer: answer)
            if let answer { becomeWebSocket(context, head, answer) }
        case .upgrading:
            held.append(data)
        case .done:
            context.fireChannelRead(data)
        }
    }

    func read(context: ChannelHandlerContext) {
        switch phase {
        case .waiting, .done: context.read()
        case .deciding(_, let isComplete, _):
            if isComplete { isReadHeld = true } else { context.read() }
        case .upgrading: isReadHeld = true
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard case .waiting = phase else { return context.fireErrorCaught(error) }
        // Bytes that aren't HTTP: PublishHandler knows the answer, once it is there.
        heldError = error
        becomeHTTP(context, nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .done = phase { return context.fireUserInboundEventTriggered(event) }
        // A client that closes its side before its first request is complete, or while it waits for its WebSocket, has
        // given up.
        if event as? ChannelEvent == .inputClosed { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        giveUp(ChannelError.eof)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { giveUp(ChannelError.ioOnClosedChannel) }

    private func giveUp(_ error: any Error) {
        if case .done = phase { return }
        phase = .done
        held = []
        promise.fail(error)
    }

    private func decide(_ context: ChannelHandlerContext, _ head: HTTPRequestHead) {
        let answer: HTTPHeaders
        do throws(APIError) {
            try rules.check(head, PublishHead(head.headers), localAddress: context.channel.localAddress)
            answer = try WebSocketHandshake.answer(to: head)
        } catch {
            return becomeHTTP(context, error)
        }
        upgrade.accept(head, on: context.channel).hop(to: context.eventLoop).assumeIsolated().whenComplete {
            [self] result in
            guard case .deciding(let head, let isComplete, _) = phase else { return }
            switch result {
            case .success(let fields):
                var answer = answer
                answer.add(contentsOf: fields)
                phase = .deciding(head, isComplete: isComplete, answer: answer)
                if isComplete { becomeWebSocket(context, head, answer) }
            case .failure(let error):
                becomeHTTP(
                    context,
                    error as? APIError ?? APIError(.internalError, "The upgrade failed inside the gateway.")
                )
            }
        }
    }

    private func becomeHTTP(_ context: ChannelHandlerContext, _ refusal: APIError?) {
        front.headHasCome()
        do {
            let negotiated = try speakHTTP(refusal)
            phase = .done
            promise.succeed(negotiated)
        } catch {
            giveUp(error)
            return context.close(promise: nil)
        }
        leave(context)
    }

    private func becomeWebSocket(_ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ answer: HTTPHeaders) {
        phase = .upgrading
        // The request itself is dealt with; more requests behind it can't be meant for a WebSocket.
        held = []
        let response = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: answer)
        context.writeAndFlush(wrapOutboundOut(.head(response)), promise: nil)
        front.headHasCome()
        let pipeline = context.pipeline.syncOperations
        let removals = (httpHandlers + [front]).map { pipeline.removeHandler($0) }
        // The decoder gives back, as it leaves, the bytes that came behind the request: they are held as frames.
        EventLoopFuture.andAllSucceed(removals, on: context.eventLoop)
            .flatMap { [upgrade, channel = context.channel] in upgrade.install(head, on: channel) }
            .assumeIsolated()
            .whenComplete { [self] result in
                guard case .upgrading = phase else { return }
                phase = .done
                switch result {
                case .success:
                    promise.succeed(.webSocket)
                    leave(context)
                case .failure(let error):
                    promise.fail(error)
                    context.close(promise: nil)
                }
            }
    }

    /// Hands on what was held and takes the chooser out of the pipeline.
    private func leave(_ context: ChannelHandlerContext) {
        let parts = held
        held = []
        for part in parts { context.fireChannelRead(part) }
        context.fireChannelReadComplete()
        // Before the chooser leaves, for a context that has left leads nowhere.
        if let heldError { context.fireErrorCaught(heldError) }
        heldError = nil
        if isReadHeld { context.read() }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
