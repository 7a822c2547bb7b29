import ChangeQueue
import FanOut
import NIOCore
import NIOHTTP1
import SluiceCore

/// The shell of an ``HTTPConnection`` on its event loop: tells it what comes, and does what it says.
///
/// Publishes are answered here, on the loop; every other request by a ``RequestRouting``, and one for a WebSocket has the handlers of HTTP leave
/// the pipeline. It stands right behind the decoder, which feeds it parts of requests, and writes bytes: no other handler of HTTP writes.
final class HTTPConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What all connections of a gateway have in common.
    struct Services {
        let publish: PublishService
        let router: any RequestRouting
        let upgrade: any ConnectionUpgrading
    }

    /// Whether a read is kept back.
    enum Reads {
        case passed
        case heldBack
    }

    let service: PublishService
    let bridge: AppendBridge
    let router: any RequestRouting
    let upgrade: any ConnectionUpgrading
    let decoder: ResumingDecoder
    /// Nil when something in the pipeline changes bytes.
    let plain: PlainPipeline?
    var connection: HTTPConnection
    var grants = PublishGrants()
    /// How much it has published lately.
    var publishes = RateBucket()
    var output: AnswerOutput
    var context: ChannelHandlerContext?
    var socket = DirectSocket.none
    var routed: (any RoutedRun)?
    /// Completed when the client can take more of a routed answer.
    var waitingWrite: EventLoopPromise<Void>?
    private(set) var reader: PublishReader?
    /// What leaves the pipeline before a WebSocket's handlers come.
    private var leaving: [any RemovableChannelHandler] = []
    /// Frames that have come behind a request for a WebSocket.
    private var frames: [NIOAny] = []
    /// The room that is taken by what comes before the first request is known, and while a WebSocket is decided about.
    private var unauthenticated: BudgetShare?
    private var reads = Reads.passed
    private var timer: Scheduled<Void>?
    /// Parts that the decoder has read, and publishes that were taken in front of it.
    var partCount: UInt64 = 0

    /// `plain`: nil when something in the pipeline changes bytes.
    init(_ services: Services, bridge: AppendBridge, decoder: ResumingDecoder, plain: PlainPipeline?) {
        service = services.publish
        router = services.router
        upgrade = services.upgrade
        self.bridge = bridge
        self.decoder = decoder
        self.plain = plain
        output = AnswerOutput(logID: service.logID)
        connection = HTTPConnection(
            limits: service.limits,
            rules: service.rules,
            budgets: service.budgets,
            now: service.now()
        )
        unauthenticated = BudgetShare(of: service.budgets.unauthenticated)
    }

    /// `leaving`: what leaves the pipeline before a WebSocket's handlers come, the reader's bytes first.
    func follows(_ reader: PublishReader, leaving: [any RemovableChannelHandler]) {
        self.reader = reader
        self.leaving = leaving
    }

    // MARK: - Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        socket = DirectSocket(of: context, plain)
        connectedFrom(ClientAddress(context.channel.remoteAddress))
        perform()
    }

    /// Notes who connected: the socket's peer, or whom a proxy names in front of the first request.
    func connectedFrom(_ peer: ClientAddress) {
        connection.peer = peer
        connection.client = peer
    }

    func handlerRemoved(context: ChannelHandlerContext) { forgetConnection() }

    func channelInactive(context: ChannelHandlerContext) {
        forgetConnection()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if connection.phase == .upgraded {
            frames.append(data)
            return
        }
        let part = unwrapInboundIn(data)
        partCount &+= 1
        switch part {
        case .head(let head):
            if connection.localAddress == nil { connection.localAddress = context.channel.localAddress }
            decoder.read(UpgradeOffer(head, PublishHead(head.headers)))
        case .body: break
        case .end: decoder.readEnd()
        }
        receive(.part(part))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            receive(.inputClosed)
            routed?.inputClosed()
        case is ChannelShouldQuiesceEvent:
            connection.drain()
            perform()
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

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { reads = .heldBack }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            connection.deadlines.progressed(now: service.now())
            waitingWrite?.succeed()
            waitingWrite = nil
        }
        resumeReading()
        context.fireChannelWritabilityChanged()
    }

    // MARK: - From the reader

    /// Takes note of bytes that have come; false when there is no room for them and they are dropped.
    func admit(byteCount: Int) -> Bool {
        guard let unauthenticated, !unauthenticated.grow(by: byteCount) else { return true }
        self.unauthenticated = nil
        receive(.malformed(.refused(.overloaded(service.budgets.unauthenticated), closes: true)))
        return false
    }

    /// The decoder has read bytes; `parts`: how many parts had been read before those of this piece.
    func decoded(since parts: UInt64) {
        // It keeps nothing of a method.
        if decoder.pendingBytes > 0 || partCount == parts { headBegan() }
    }

    /// The reader has left so many bytes of a head.
    func left(_ byteCount: Int, since parts: UInt64) {
        if byteCount > HTTPConnectionHandler.methodBytes || partCount == parts { headBegan() }
    }

    /// A head of which no more than the method has come behind another request, or an empty line, is seen with the next byte.
    private static let methodBytes = "POST ".utf8.count

    /// A part of a head has come.
    private func headBegan() {
        connection.headBegan(now: service.now())
        planWake()
    }

    /// Answers whatever comes with an error, and ends.
    func refuseAll(_ error: APIError) { receive(.malformed(.refused(error, closes: true))) }

    private func receive(_ event: InboundEvent) {
        connection.receive(event)
        perform()
    }

    // MARK: - Actions

    /// Does all that is to be done.
    func perform() {
        let now = service.now()
        while let action = connection.next(now: now) { perform(action) }
        resumeReading()
        planWake()
    }

    private func perform(_ action: HTTPConnection.Action) {
        switch action {
        case .authorize(let publish):
            unauthenticated = nil
            authorize(publish)
        case .check(let publish): check(publish)
        case .sendContinue: sendContinue()
        case .route(let request):
            unauthenticated = nil
            guard let context else { return }
            routed = router.begin(request, for: self, on: context.channel)
        case .passBody(let bytes): routed?.append(bytes)
        case .passEnd: routed?.finishBody()
        case .failBody(let error): routed?.fail(error)
        case .write(let answer, let framing):
            unauthenticated = nil
            write(answer, framing)
        case .decideUpgrade(let head, let client): decideUpgrade(head, client)
        case .noteRefusedUpgrade(let head, let error): note(refused: head, error)
        case .becomeWebSocket(let head, let fields): becomeWebSocket(head, fields)
        case .refuseWebSocket(let head, let fields, let code, let error):
            note(refused: head, error)
            output.writeSwitch(fields)
            output.bytes.writeImmutableBuffer(ServerFrame.close(code, reason: error.message))
            planFlush()
        case .decodeOn: if case .needsCall = decoder.resume() { reader?.callDecoder() }
        case .closeWhenWritten: closeWhenWritten()
        case .closeOutput: context?.close(mode: .output, promise: nil)
        case .close: context?.close(promise: nil)
        }
    }

    private func closeWhenWritten() {
        guard let context else { return }
        let written = context.eventLoop.makePromise(of: Void.self)
        handOutputOver(written)
        planFlush()
        written.futureResult.assumeIsolated().whenComplete { [self] _ in
            connection.lastWritten(now: service.now())
            perform()
        }
    }

    // MARK: - Upgrades

    private func decideUpgrade(_ head: HTTPRequestHead, _ client: ConnectionPeer) {
        guard let context else { return }
        if unauthenticated == nil {
            // What has come behind the request counts until it is decided; nothing more is read.
            let share = BudgetShare(of: service.budgets.unauthenticated)
            guard share.grow(by: decoder.pendingBytes) else {
                return connection.refuseUpgrade(.overloaded(service.budgets.unauthenticated), now: service.now())
            }
            unauthenticated = share
        }
        upgrade.accept(head, from: client, on: context.channel).hop(to: context.eventLoop).assumeIsolated().whenComplete
        {
            [self] result in
            switch result {
            case .success(let fields): connection.acceptUpgrade(fields)
            case .failure(let error):
                let refusal = error as? APIError ?? APIError(.internalError, "The upgrade failed inside the gateway.")
                connection.refuseUpgrade(refusal, now: service.now())
            }
            perform()
        }
    }

    private func note(refused head: HTTPRequestHead, _ error: APIError) {
        guard let context else { return }
        upgrade.refused(head, error, from: connection.client, on: context.channel)
    }

    private func becomeWebSocket(_ head: HTTPRequestHead, _ fields: HTTPHeaders) {
        guard let context else { return }
        unauthenticated = nil
        timer?.cancel()
        timer = nil
        output.writeSwitch(fields)
        handOutputOver()
        context.flush()
        let pipeline = context.pipeline.syncOperations
        let removals = leaving.map { pipeline.removeHandler($0) }
        // The decoder gives back, as it leaves, the bytes that came behind the request: they are kept as frames.
        EventLoopFuture.andAllSucceed(removals, on: context.eventLoop)
            .flatMap { [upgrade, plain, channel = context.channel] in upgrade.install(head, on: channel, plain) }
            .assumeIsolated()
            .whenComplete { [self] result in
                guard let context = self.context else { return }
                switch result {
                case .success: leave(context)
                case .failure: context.close(promise: nil)
                }
            }
    }

    /// Hands on what has come and leaves the pipeline to the WebSocket.
    private func leave(_ context: ChannelHandlerContext) {
        let frames = frames
        self.frames = []
        for frame in frames { context.fireChannelRead(frame) }
        context.fireChannelReadComplete()
        if case .heldBack = reads { context.read() }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    // MARK: - Reading and time

    private var mayRead: Bool {
        if case .full = routed?.demand { return false }
        return connection.mayRead(isWritable: context?.channel.isWritable == true)
    }

    /// Reads on, if a read was kept back and needn't be any more.
    func resumeReading() {
        guard case .heldBack = reads, mayRead else { return }
        reads = .passed
        connection.deadlines.readAgain(now: service.now())
        context?.read()
    }

    /// Sets the timer if the connection must be looked at sooner than it would be.
    ///
    /// There is one timer a connection, not one a request.
    private func planWake() {
        guard let time = connection.newWake(), let context else { return }
        timer?.cancel()
        let now = service.now()
        let delay = TimeAmount.nanoseconds(Int64(clamping: time > now ? time - now : 0))
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.wake() }
    }

    private func wake() {
        timer = nil
        let pause: ConnectionDeadlines.Pause
        if context?.channel.isWritable != true {
            pause = .stuck
        } else {
            pause = mayRead ? .none : .ours
        }
        connection.judge(now: service.now(), pause)
        perform()
    }

    /// The channel is gone: answers that come later have nowhere to go.
    private func forgetConnection() {
        timer?.cancel()
        timer = nil
        context = nil
        socket = .none
        connection.lost()
        unauthenticated = nil
        frames = []
        reader = nil
        leaving = []
        routed?.cancel()
        routed = nil
        waitingWrite?.fail(ChannelError.ioOnClosedChannel)
        waitingWrite = nil
    }
}
