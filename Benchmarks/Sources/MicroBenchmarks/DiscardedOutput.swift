import NIOCore

/// The socket's place in an embedded channel's pipeline: counts what is written and forgets it.
///
/// The channel's own buffers take ten times as long as the gateway does, and no gateway has them.
final class DiscardedOutput: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    /// Bytes that were written.
    private(set) var byteCount = 0

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        byteCount += unwrapOutboundIn(data).readableBytes
        promise?.succeed(())
    }

    func flush(context: ChannelHandlerContext) {}
}
