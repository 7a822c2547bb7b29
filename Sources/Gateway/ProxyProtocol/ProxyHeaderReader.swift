import NIOCore

/// The first handler of a trusted proxy's connection: waits for its PROXY header, and has the connection set up for whom that names.
///
/// Nothing else is in the pipeline before, so that it stands in front of TLS too. A connection that begins otherwise, or too late, is closed
/// and counted.
final class ProxyHeaderReader: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let port: ProxyPort
    private let peer: ClientAddress
    private let timeout: TimeAmount
    private let open: (_ client: ClientAddress) throws -> Void
    private var begun = ByteBuffer()
    private var timer: Scheduled<Void>?
    private var isDone = false

    /// - Parameters:
    ///   - port: where failures are counted.
    ///   - peer: the proxy.
    ///   - timeout: how long its header may take.
    ///   - open: sets the pipeline up behind this handler, for the client that the header names, or the proxy itself.
    init(
        _ port: ProxyPort,
        peer: ClientAddress,
        timeout: TimeAmount,
        open: @escaping (_ client: ClientAddress) throws -> Void
    ) {
        self.port = port
        self.peer = peer
        self.timeout = timeout
        self.open = open
    }

    func handlerAdded(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { [self] in fail(.timeout, nil, context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        if !isDone { note(.closed, nil) }
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        guard !isDone else { return }
        begun.writeBuffer(&bytes)
        switch ProxyHeader.read(begun.readableBytesView) {
        case .needMore: break
        case .invalid(let fault): fail(.invalid, fault, context)
        case .header(let client, let consumed):
            begun.moveReaderIndex(forwardBy: consumed)
            pass(client ?? peer, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed where !isDone: fail(.closed, nil, context)
        case is ChannelShouldQuiesceEvent:
            // Who hasn't said anything yet is lost nothing.
            isDone = true
            context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// Leaves the connection to the handlers of what comes behind the header.
    private func pass(_ client: ClientAddress, _ context: ChannelHandlerContext) {
        isDone = true
        timer?.cancel()
        do { try open(client) } catch { return context.close(promise: nil) }
        if begun.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(begun.slice())) }
        begun = ByteBuffer()
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func fail(
        _ failure: ProxyPort.Failure,
        _ fault: ProxyHeader.Fault?,
        _ context: ChannelHandlerContext
    ) {
        note(failure, fault)
        context.close(promise: nil)
    }

    private func note(_ failure: ProxyPort.Failure, _ fault: ProxyHeader.Fault?) {
        guard !isDone else { return }
        isDone = true
        timer?.cancel()
        port.failed(failure, fault, of: peer)
    }
}
