import NIOCore
import NIOHTTP1
import SluiceCore

/// One keep-alive HTTP connection that carries one publish at a time.
///
/// Bound to the runner's loop.
final class PublishConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let pool: PublishPool
    private var context: ChannelHandlerContext?
    private var answer = BenchAnswer()
    /// The publish that waits for its answer.
    private var number: Int?

    init(_ pool: PublishPool) { self.pool = pool }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Sends a publish.
    func send(_ number: Int, _ head: HTTPRequestHead, _ payload: ByteBuffer) {
        guard let context else { return pool.failed(number) }
        self.number = number
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(payload))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func close() { context?.close(promise: nil) }

    func channelActive(context: ChannelHandlerContext) {
        pool.free(self)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard answer.add(unwrapInboundIn(data)), let number else { return }
        self.number = nil
        pool.answered(number, answer)
        // A connection that the gateway is about to close takes no more; its end opens another.
        if answer.isKeptAlive { pool.free(self) } else { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let number { pool.failed(number) }
        number = nil
        pool.ended(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
