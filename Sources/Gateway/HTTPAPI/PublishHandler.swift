import ChangeQueue
import NIOCore
import NIOHTTP1
import SluiceCore

/// Answers `POST /topics/{topic}` and `POST /topics` on the event loop and passes every other request on to
/// Hummingbird.
///
/// It stands right behind the HTTP/1 decoder, below the translation to HTTPTypes, so that a publish pays for neither
/// that nor the async bridge. It owns what concerns the connection as a whole: the order of answers, deadlines,
/// back-pressure, closing and drain.
final class PublishHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Who gets the parts of the request that is being read.
    enum Reading {
        /// No request is being read.
        case nothing
        /// Nobody yet: the authorizer is asked about the publish in `incoming`, and nothing is read meanwhile.
        case authorizing
        /// A publish, whose body is collected in `incoming`.
        case publish
        /// Nobody: the body of a publish that is refused already is read past.
        case discarding
        /// A routed request.
        case routed
        /// Nobody: the connection closes.
        case ended
    }

    let service: PublishService
    let bridge: AppendBridge
    let front: ConnectionFront
    var order = RequestOrder<PublishAnswer>()
    var deadlines: ConnectionDeadlines
    var reading = Reading.nothing
    var incoming: IncomingPublish?
    /// What waits for requests of the other kind to be answered.
    ///
    /// Reading stops while something waits, so that it holds one read's worth.
    var held = CircularBuffer<InboundEvent>()
    /// The room that bodies in `held` take while the authorizer is asked whether they may be read at all.
    var waitingShare: BudgetShare?
    var grants = PublishGrants()
    /// The Host field of the connection's last request that was looked at and let in.
    var acceptedHost: [UInt8] = []
    var writer: AnswerWriter
    var context: ChannelHandlerContext?
    var socket = DirectSocket.none
    var timer: Scheduled<Void>?
    /// The request that is being read, or was read last, is the connection's last.
    var endsAfterThis = false
    var isReadHeld = false
    var isReleasing = false
    var isFlushPlanned = false
    var isDraining = false
    var isClosing = false
    var isLingering = false
    var isInputClosed = false
    var outputClose: EventLoopPromise<Void>?
    var isOutputCloseHeld = false
    /// Why the connection's first request, an upgrade to WebSocket, was refused.
    private var upgradeRefusal: APIError?
    /// Answers that are rendered and not yet in the channel: one buffer for all that a commit brings.
    var output = ByteBuffer()

    /// `upgradeRefusal`: the answer to the first request, if that asked for an upgrade which was refused.
    init(service: PublishService, bridge: AppendBridge, front: ConnectionFront, upgradeRefusal: APIError?) {
        self.service = service
        self.bridge = bridge
        self.front = front
        self.upgradeRefusal = upgradeRefusal
        writer = AnswerWriter(logID: service.logID)
        deadlines = ConnectionDeadlines(
            bodyNanoseconds: UInt64(clamping: service.limits.bodyTimeout.nanoseconds),
            idleNanoseconds: UInt64(clamping: service.limits.idleTimeout.nanoseconds),
            now: service.now()
        )
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        socket = DirectSocket(of: context)
        lookAtDeadlines()
    }

    func handlerRemoved(context: ChannelHandlerContext) { forgetConnection() }

    func channelInactive(context: ChannelHandlerContext) {
        forgetConnection()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        receive(.part(unwrapInboundIn(data)))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Long bodies are rare, so the timer is only moved for them; see `lookAtDeadlines()`.
        if deadlines.isReading, reading == .publish || reading == .routed { lookAtDeadlines() }
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            receive(.inputClosed)
        case is ChannelShouldQuiesceEvent:
            isDraining = true
            closeIfDone()
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The decoder reads nothing behind what isn't HTTP; what follows is discarded until the connection closes.
        if case ByteToMessageDecoderError.dataReceivedInErrorState = error { return }
        guard let error = error as? HTTPParserError else {
            context.fireErrorCaught(error)
            return context.close(promise: nil)
        }
        receive(.malformed(MalformedRequest.answer(to: error)))
    }

    // MARK: - Inbound

    private func receive(_ event: InboundEvent) {
        if held.isEmpty, take(event) { return }
        if reading == .authorizing, case .part(.body(let bytes)) = event, let publish = incoming {
            let budget = service.budgets.unauthenticated
            let share = waitingShare ?? BudgetShare(of: budget)
            guard share.grow(by: bytes.readableBytes) else {
                incoming = nil
                return refuse(publish.number, .overloaded(budget))
            }
            waitingShare = share
        }
        held.append(event)
    }

    /// Handles an event, or returns false when it must wait for answers that are due.
    func take(_ event: InboundEvent) -> Bool {
        switch event {
        case .part(.head(let head)): return takeHead(head)
        // Whatever belongs to a request that the authorizer thinks about waits with it.
        case .part(.body) where reading == .authorizing, .part(.end) where reading == .authorizing: return false
        case .part(.body(let bytes)): takeBody(bytes)
        case .part(.end(let trailers)): takeEnd(trailers)
        case .malformed(let answer): return takeMalformed(answer)
        case .inputClosed:
            isInputClosed = true
            context?.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            if isLingering { context?.close(promise: nil) }
            closeIfDone()
        }
        return true
    }

    private func takeHead(_ head: HTTPRequestHead) -> Bool {
        guard reading == .nothing, !isClosing else { return true }
        let target = head.method == .POST ? PublishTarget(uri: head.uri) : nil
        let fields = PublishHead(head.headers)
        let refusal = upgradeRefusal ?? fault(of: head, fields)
        let isPublish = target != nil || refusal != nil
        guard order.admits(isPublish ? .publish : .routed, alone: fields.expectsContinue) else { return false }
        let now = service.now()
        deadlines.headRead(now: now)
        // NIO's decoder stops behind a request that offers another protocol: it can't know that the offer isn't taken.
        if !head.isKeepAlive || fields.offersUpgrade { endsAfterThis = true }
        if let refusal {
            upgradeRefusal = nil
            refuse(order.beginPublish(), refusal)
        } else if let target {
            beginPublish(target, head, fields, now)
        } else {
            reading = .routed
            order.beginRouted()
            if fields.expectsContinue { sendContinue() }
            context?.fireChannelRead(wrapInboundOut(.head(head)))
        }
        return true
    }

    private func beginPublish(_ target: PublishTarget, _ head: HTTPRequestHead, _ fields: PublishHead, _ now: UInt64) {
        let limit = target == .batch ? service.limits.batchBytes : service.limits.payloadBytes
        let number = order.beginPublish()
        if let length = fields.contentLength, length > limit { return refuseBody(number, limit) }
        authorize(
            IncomingPublish(
                number: number,
                target: target,
                request: head,
                head: fields,
                acceptedAtNanoseconds: now,
                limit: limit
            )
        )
    }

    /// What is wrong with a request's head, whoever would get it.
    private func fault(of head: HTTPRequestHead, _ fields: PublishHead) -> APIError? {
        do throws(APIError) {
            try service.rules.check(head, fields, localAddress: context?.channel.localAddress)
        } catch {
            return error
        }
        if let host = fields.host, !acceptedHost.elementsEqual(host.utf8) { acceptedHost = Array(host.utf8) }
        return nil
    }

    private func takeBody(_ bytes: ByteBuffer) {
        switch reading {
        case .routed:
            context?.fireChannelRead(wrapInboundOut(.body(bytes)))
        case .publish:
            var bytes = bytes
            guard let fault = incoming?.append(&bytes, service.budgets.unfinished), let publish = incoming else {
                return
            }
            incoming = nil
            refuse(publish.number, fault)
        case .nothing, .authorizing, .discarding, .ended:
            break
        }
    }

    private func takeEnd(_ trailers: HTTPHeaders?) {
        let wasReading = reading
        if reading != .ended { reading = endsAfterThis ? .ended : .nothing }
        deadlines.bodyRead(now: service.now())
        switch wasReading {
        case .routed:
            context?.fireChannelRead(wrapInboundOut(.end(trailers)))
        case .publish:
            guard let publish = incoming else { return }
            incoming = nil
            check(publish)
        case .nothing, .authorizing, .discarding, .ended:
            break
        }
        if order.isEmpty { answersWritten() }
    }

    private func takeMalformed(_ answer: PublishAnswer) -> Bool {
        switch reading {
        case .routed:
            // The router has begun this request: it answers 400 itself when its body breaks off.
            reading = .ended
            endsAfterThis = true
            context?.fireErrorCaught(HTTPParserError.unknown)
        case .authorizing:
            return false
        case .discarding:
            // Answered already.
            reading = .ended
            closeIfDone()
        case .publish:
            reading = .ended
            guard let publish = incoming else { return true }
            incoming = nil
            self.answer(publish.number, answer)
        case .nothing:
            guard order.admits(.publish, alone: false) else { return false }
            reading = .ended
            self.answer(order.beginPublish(), answer)
        case .ended:
            break
        }
        return true
    }

    private func refuseBody(_ number: UInt64, _ limit: Int) { refuse(number, .bodyTooLarge(limit)) }

    /// Refuses a request whose rest isn't read.
    func refuse(_ number: UInt64, _ error: APIError) {
        reading = .ended
        answer(number, .refused(error, closes: true))
    }

    func sendContinue() {
        output.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        planFlush()
    }

    /// Whether a publish can be taken in front of the decoder: no request before it is still being read, waits, or is of
    /// the other kind.
    var isReadyForPlain: Bool {
        guard case .nothing = reading else { return false }
        return held.isEmpty && !isClosing && upgradeRefusal == nil && context != nil
            && order.admits(.publish, alone: false)
    }
}
