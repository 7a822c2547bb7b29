import NIOCore
import SluiceCore

/// The first handler of every connection.
///
/// It closes a connection whose first request head doesn't come in time (a slow-loris handshake), and lets later
/// handlers write bytes that are a complete HTTP answer already, past the response encoder.
///
/// Until that head is complete, and a WebSocket that it asks for is authorized, what comes is counted: all such
/// connections together may hold only so much. A connection that becomes a WebSocket removes it.
final class ConnectionFront: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let headTimeout: TimeAmount
    private let budget: ByteBudget
    private var heldBytes = 0
    private var timer: Scheduled<Void>?
    private var context: ChannelHandlerContext?
    private var isInputClosed = false

    init(headTimeout: TimeAmount, budget: ByteBudget) {
        self.headTimeout = headTimeout
        self.budget = budget
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: headTimeout) { self.headIsLate() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        headHasCome()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        headHasCome()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if timer != nil {
            let count = unwrapInboundIn(data).readableBytes
            guard budget.take(count) else {
                headHasCome()
                return refuse(.overloaded(budget), context)
            }
            heldBytes += count
        }
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A drain doesn't wait for connections that haven't asked anything.
        if event is ChannelShouldQuiesceEvent, timer != nil { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    /// Ends the watch over the first head.
    func headHasCome() {
        timer?.cancel()
        timer = nil
        budget.give(heldBytes)
        heldBytes = 0
    }

    /// Writes a complete answer, or a part of one.
    func write(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(bytes), promise: promise)
    }

    /// Flushes what has been written to the connection by whomever.
    func flush() { context?.flush() }

    private func headIsLate() {
        timer = nil
        guard let context else { return }
        let seconds = headTimeout.nanoseconds / 1_000_000_000
        refuse(APIError(.requestTimeout, "No complete request came within \(seconds) s."), context)
    }

    private func refuse(_ error: APIError, _ context: ChannelHandlerContext) {
        var writer = AnswerWriter(logID: 0)
        var answer = ByteBuffer()
        writer.write(.refused(error), closing: true, to: &answer)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(answer)).whenComplete { _ in channel.close(promise: nil) }
    }
}
