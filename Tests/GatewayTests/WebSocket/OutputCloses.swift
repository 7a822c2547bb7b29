import NIOCore

/// Keeps an embedded channel open when only its output is closed, as a socket stays, and counts these closes.
final class OutputCloses: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    private(set) var count = 0

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        count += 1
        promise?.succeed(())
    }
}
