import FanOut
import NIOCore
import NIOWebSocket
import SluiceCore

/// One WebSocket connection on its event loop: frames in, requests to its ``WebSocketLoop``, ready-made frames out.
///
/// An idle connection is this object, its channel and nothing else: no task, no lock, no timer, and only small values
/// inside.
final class WebSocketConnectionHandler: ChannelDuplexHandler, Subscriber {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The connection's id.
    let id: ConnectionID
    /// Its place in the loop's table, set when the handler is added.
    var slot = -1
    /// What the client may do.
    private(set) var grant: Grant
    /// What the authorizer was told about the client, for when it has another token; nil where that makes no difference.
    let connectRequest: ConnectRequest?
    /// Who it is.
    let client: ClientAddress
    /// Whether the registry knows the connection; not so for an echo.
    let isRecorded: Bool
    /// Nil when something in the pipeline changes bytes.
    private let plain: PlainPipeline?
    let loop: WebSocketLoop
    private var session: any ClientSession
    /// Nil where no compression was negotiated.
    let compression: MessageCompression?
    private var assembler: MessageAssembler
    var watch: ConnectionWatch
    var handshake = CloseHandshake()
    private(set) var context: ChannelHandlerContext?
    private var socket = DirectSocket.none
    /// Requests that wait for one before them; nil while none does.
    var waitingRequests: [ClientRequest]?
    private var errorsInARow: UInt32 = 0
    /// How fast it sends and publishes.
    var pace = ConnectionPace()
    private var publishesInFlight: UInt32 = 0
    private var subscribesInFlight: UInt32 = 0
    private var isDirty = false
    private var wantsRead = false

    init(
        id: ConnectionID,
        grant: Grant,
        connectRequest: ConnectRequest?,
        client: ClientAddress,
        session: any ClientSession,
        compression: MessageCompression?,
        loop: WebSocketLoop,
        isRecorded: Bool,
        plain: PlainPipeline?,
        maximumMessageBytes: Int,
        expiresAtNanoseconds: UInt64?
    ) {
        self.id = id
        self.grant = grant
        self.connectRequest = connectRequest
        self.client = client
        self.session = session
        self.compression = compression
        self.loop = loop
        self.isRecorded = isRecorded
        self.plain = plain
        let (now, configuration) = (loop.services.now(), loop.services.configuration)
        assembler = MessageAssembler(
            maximumMessageBytes: maximumMessageBytes,
            budget: loop.services.unfinished,
            allowance: compression == nil ? nil : InflateAllowance(maximumMessageBytes: maximumMessageBytes, now: now)
        )
        watch = ConnectionWatch(
            now: now,
            expiresAt: expiresAtNanoseconds,
            tokenWarning: UInt64(clamping: configuration.tokenWarning.nanoseconds),
            tooOldAt: isRecorded ? WebSocketConnectionHandler.ageEnd(of: configuration, now: now) : nil,
            ageWarning: UInt64(clamping: configuration.ageWarning.nanoseconds)
        )
    }

    /// The client's connection; nil before and after it is one.
    var channel: (any Channel)? { context?.channel }

    /// For whom its history is read.
    var historyAsker: HistoryAsker { HistoryAsker(grant, self) }

    // MARK: - Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
        socket = DirectSocket(of: context, plain)
        offerSocket()
        // The drain may have begun while the connection was becoming a WebSocket.
        if loop.services.isDraining() { drain() }
        if let greeting = session.greeting(id) { write(greeting) }
    }

    private func drain() {
        let window = loop.services.drainNanoseconds
        watch.drain(at: loop.services.now() &+ (window == 0 ? 0 : UInt64.random(in: 0..<window)))
        loop.subscribers.drain()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        if handshake.isOpen { loop.services.counters.closedByClient(1006) }
        loop.remove(self)
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        loop.remove(self)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = InboundFrame(unwrapInboundIn(data))
        guard handshake.isOpen else {
            // Only the client's close frame is waited for.
            if frame.opcode == FrameOpcode.close.rawValue { perform(handshake.received(.empty, until: closeDeadline)) }
            return
        }
        let now = loop.services.now()
        watch.heard(now: now)
        let event = assembler.append(frame, now: now)
        let excess = isRecorded ? excess(of: frame) : nil
        watch.message(assembler.isWithinMessage ? .open : .none, now: now)
        switch event {
        case .incomplete, .pong: if let excess { refused(excess) }
        case .message(let message): received(message, excess)
        case .ping(let payload): if let excess { refused(excess) } else { write(ServerFrame.frame(.pong, payload)) }
        case .close(let payload):
            loop.services.counters.closedByClient(ClosePayload(payload).clientCode)
            perform(handshake.received(ClosePayload(payload), until: closeDeadline))
        case .failure(let code): fail(code)
        case .inflateFailure(let refusal):
            loop.services.counters.inflateRefused(refusal)
            fail(refusal.code)
        }
    }

    /// A part of a frame has come.
    func heardPart() {
        let now = loop.services.now()
        watch.heard(now: now)
        watch.message(.open, now: now)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        loop.subscribers.flushes.flush()
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOWebSocketError.invalidFrameLength: fail(.messageTooBig)
        case is NIOWebSocketError: fail(.protocolError)
        case is MeteredFrameDecoder.NoRoom: fail(.tryAgainLater)
        // The decoder reads nothing behind a broken frame; what follows is discarded until the client closes.
        case ByteToMessageDecoderError.dataReceivedInErrorState where !handshake.isOpen: break
        default: context.close(promise: nil)
        }
        loop.subscribers.flushes.flush()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent: drain()
        case ChannelEvent.inputClosed:
            // Half a WebSocket is none.
            context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        readIfWanted()
        context.fireChannelWritabilityChanged()
    }

    // MARK: - Reading only as fast as the client may ask

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { wantsRead = true }
    }

    /// Whether the client's next message may come.
    var mayRead: Bool {
        // Once it closes, everything is read and discarded: the client's close frame may stand behind it.
        guard handshake.isOpen else { return true }
        // A client that doesn't take its replies isn't read either.
        let configuration = loop.services.configuration
        return waitingRequests == nil && Int(publishesInFlight) < configuration.publishesInFlight
            && Int(subscribesInFlight) < configuration.subscribesInFlight
            && context?.channel.isWritable != false
    }

    func readIfWanted() {
        guard wantsRead, mayRead else { return }
        wantsRead = false
        context?.read()
    }

    /// Keeps the requests that follow until ``resumeRequests()``.
    func pauseRequests() { if waitingRequests == nil { waitingRequests = [] } }

    /// Performs what was kept.
    func resumeRequests() {
        // A slice, since taking the first of an array moves all others.
        var waiting = (waitingRequests ?? [])[...]
        waitingRequests = nil
        while waitingRequests == nil, let next = waiting.popFirst() { perform(next) }
        // One of them had to wait again: the rest stays behind it.
        if waitingRequests != nil { waitingRequests?.append(contentsOf: waiting) }
        readIfWanted()
    }

    // MARK: - Requests

    private func excess(of frame: InboundFrame) -> APIError? {
        loop.services.limiter?.refusal(ofFrame: frame.payload.readableBytes, &pace, by: grant, from: client)
    }

    private func received(_ message: InboundMessage, _ excess: APIError?) {
        loop.services.counters.messageRead()
        var request = session.request(message)
        if let excess { request = .refused(id: request.id, excess) }
        if waitingRequests != nil { waitingRequests?.append(request) } else { perform(request) }
    }

    /// Performs a request of the client, or one that its URL made.
    func perform(_ request: ClientRequest) {
        guard handshake.isOpen else { return }
        switch request {
        case .reply(let frame): answer(frame)
        case .subscribe(let message): loop.subscribe(message, for: self)
        case .unsubscribe(let id, let topics): loop.unsubscribe(topics, id, for: self)
        case .publish(let message): loop.publish(message, from: self)
        case .authenticate(let id, let token): loop.authenticate(id, token, for: self)
        case .refused(let id, let error): refuse(id, error)
        }
    }

    /// Answers a request with an error.
    ///
    /// The connection stays open unless the client goes on making them.
    func refuse(_ id: MessageID?, _ error: APIError) {
        guard handshake.isOpen else { return }
        loop.services.counters.messageRefused()
        loop.services.accessLog.refused(error, "message", from: client)
        // What is the gateway's own fault isn't held against the client.
        if error.code.httpStatus < 500 { errorsInARow += 1 }
        guard Int(errorsInARow) <= loop.services.configuration.errorsInARow else { return close(.tooManyErrors) }
        if error.code == .tooManyRequests, !refused(error) { return }
        write(session.refused(id, error))
    }

    /// Something came too fast; who goes on in spite of that is closed.
    @discardableResult
    private func refused(_ error: APIError) -> Bool {
        let forgiven = loop.services.configuration.errorsInARow
        if pace.mayGoOn(forgiving: forgiven, now: loop.services.now()) { return true }
        close(.tooManyErrors)
        return false
    }

    /// Answers a request.
    func answer(_ frame: ByteBuffer) {
        errorsInARow = 0
        write(frame)
    }

    func publishBegan() { publishesInFlight += 1 }

    func published(_ id: MessageID?, _ result: Result<SequenceNumber, APIError>) {
        publishesInFlight -= 1
        // Whom it was for is gone.
        guard context != nil else { return }
        switch result {
        case .success(let sequence): answer(session.published(id, sequence))
        case .failure(let error): refuse(id, error)
        }
        readIfWanted()
    }

    func subscribeBegan() { subscribesInFlight += 1 }

    func subscribeEnded() {
        subscribesInFlight -= 1
        readIfWanted()
    }

    func subscribed(_ id: MessageID?, _ topics: [SubscribedTopic]) { answer(session.subscribed(id, topics)) }

    /// The reply of an unsubscribe, for its place in the order.
    func unsubscribedReply(_ id: MessageID?, _ topics: [Topic]) -> ByteBuffer { session.unsubscribed(id, topics) }

    /// The client has another token; what it may not have any more it loses.
    func renew(_ grant: Grant, _ id: MessageID?, lost: [Topic]) {
        self.grant = grant
        let now = loop.services.now()
        let expires = loop.services.monotonic(grant.expiresAtWallNanoseconds)
        let warning = UInt64(clamping: loop.services.configuration.tokenWarning.nanoseconds)
        watch.renewed(expiresAt: expires, warning: warning, now: now)
        if let first = lost.first { write(session.lost(lost, .forbidden(.subscribe, first, grant))) }
        let secondsLeft = expires.map { Int(clamping: ($0 > now ? $0 - now : 0) / 1_000_000_000) }
        answer(session.authenticated(id, grant.principal, secondsLeft))
    }

    /// Tells the client what comes.
    func warn(_ warning: ConnectionWarning) {
        if let frame = session.warning(warning) { write(frame) }
    }

    // MARK: - Writing

    /// Writes a frame of this connection alone; it leaves with everything else of this turn.
    func write(_ frame: ByteBuffer) {
        writeBytes(compression.map { ServerFrame.compressed(frame, $0) } ?? frame, promise: nil)
    }

    private func writeBytes(_ frame: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard handshake.isOpen, let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(frame), promise: promise)
        noteDirty()
    }

    func deliver(_ events: SharedEvents, for subscription: SubscriptionID) -> DeliveryOutcome {
        guard handshake.isOpen, let context else { return .closed }
        if !context.channel.isWritable {
            // What was written in this turn hasn't been tried yet: only what the socket doesn't take counts.
            context.flush()
            guard context.channel.isWritable else {
                // A connection that broke with the flush isn't slow.
                return handshake.isOpen && context.channel.isActive ? .tooSlow : .closed
            }
        }
        context.write(wrapOutboundOut(events.bytes), promise: nil)
        noteDirty()
        return .taken
    }

    func deliverHistory(_ events: SharedEvents, for subscription: SubscriptionID, left: EventLoopPromise<Void>) {
        writeBytes(events.bytes, promise: left)
    }

    func end(_ reason: SubscriberEnd) {
        switch reason {
        case .slowConsumer: close(.slowConsumer)
        case .historyUnreadable: close(.internalError)
        }
    }

    /// Flushes what has been written.
    func flushNow() {
        isDirty = false
        context?.flush()
        offerSocket()
    }

    private func noteDirty() {
        guard !isDirty else { return }
        isDirty = true
        loop.subscribers.noteWritten(to: self)
    }

    /// Lets the fan-out write to the socket directly, if nothing waits in the channel.
    private func offerSocket() {
        guard socket.isUsable, handshake.isOpen, !isDirty, let options = context?.channel.syncOptions,
            (try? options.getOption(.bufferedWritableBytes)) == 0
        else { return }
        loop.subscribers.setSocket(socket, of: self)
    }
}
