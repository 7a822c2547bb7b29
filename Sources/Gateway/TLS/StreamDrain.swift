import NIOCore

/// Closes an HTTP/2 connection of a gateway that drains when its last stream has ended.
///
/// The library says goodbye (RFC 9113, section 6.8), and then waits for a client that may not be reading.
final class StreamDrain: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum Phase {
        case open
        case draining
    }

    private var phase = Phase.open
    private var streamCount = 0
    private var context: ChannelHandlerContext?

    /// A client that has just been told may have a request on its way.
    private static let patience: TimeAmount = .seconds(1)

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        guard event is ChannelShouldQuiesceEvent else { return }
        phase = .draining
        closeSoon()
    }

    private func closeSoon() {
        guard case .draining = phase, streamCount == 0, let context else { return }
        context.eventLoop.assumeIsolated().scheduleTask(in: StreamDrain.patience) { [self] in
            if streamCount == 0 { self.context?.close(promise: nil) }
        }
    }

    private func began() { streamCount += 1 }

    private func ended() {
        streamCount -= 1
        closeSoon()
    }

    /// Counts one stream of the connection.
    final class Stream: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = Never

        private var drain: StreamDrain?

        func handlerAdded(context: ChannelHandlerContext) {
            drain = try? context.channel.parent?.pipeline.syncOperations.handler(type: StreamDrain.self)
            drain?.began()
        }

        func channelInactive(context: ChannelHandlerContext) {
            drain?.ended()
            drain = nil
            context.fireChannelInactive()
        }
    }
}
