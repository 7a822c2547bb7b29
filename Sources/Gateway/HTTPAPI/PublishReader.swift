import NIOCore
import SluiceCore

/// Takes plain publishes out of what comes in and hands them to the ``PublishHandler``; everything else goes on to the
/// HTTP decoder, in order and unchanged.
///
/// A connection begins with the decoder, which finds out what the connection is. As long as requests are publishes, the
/// decoder gets whole requests only, so that it holds nothing when the next one is taken out in front of it. The first
/// request of another kind leaves the connection to the decoder for good.
final class PublishReader: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum Phase {
        /// At the beginning of a request.
        case between
        /// So many bytes of a publish are still for the decoder.
        case passing(byteCount: Int)
        /// Everything is for the decoder.
        case decoding
    }

    private let limits: HTTPLimits
    private var phase = Phase.between
    /// A head whose rest hasn't come.
    private var begun: ByteBuffer?
    /// Takes the publishes, once the connection speaks HTTP.
    var handler: PublishHandler?

    init(limits: HTTPLimits) { self.limits = limits }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        var isSecondLook = false
        if var begun {
            self.begun = nil
            begun.writeBuffer(&buffer)
            buffer = begun
            isSecondLook = true
        }
        while buffer.readableBytes > 0 {
            switch phase {
            case .decoding:
                return context.fireChannelRead(wrapInboundOut(buffer))
            case .passing(let byteCount):
                pass(byteCount, of: &buffer, context)
            case .between:
                guard look(at: &buffer, isSecondLook: isSecondLook) else {
                    begun = buffer
                    return
                }
                isSecondLook = false
            }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed, let begun {
            // Half a request: the decoder knows what to say.
            self.begun = nil
            phase = .decoding
            context.fireChannelRead(wrapInboundOut(begun))
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func pass(_ byteCount: Int, of buffer: inout ByteBuffer, _ context: ChannelHandlerContext) {
        guard let part = buffer.readSlice(length: min(byteCount, buffer.readableBytes)) else { return }
        phase = byteCount > part.readableBytes ? .passing(byteCount: byteCount - part.readableBytes) : .between
        context.fireChannelRead(wrapInboundOut(part))
    }

    /// Looks at the next request; false when it must wait for more bytes.
    private func look(at buffer: inout ByteBuffer, isSecondLook: Bool) -> Bool {
        switch buffer.withUnsafeReadableBytes({ PlainPublish.read($0, limits: limits) }) {
        case .publish(let publish):
            if let handler, buffer.withUnsafeReadableBytes({ handler.take(publish, from: $0) }) {
                buffer.moveReaderIndex(forwardBy: publish.byteCount)
            } else {
                phase = .passing(byteCount: publish.byteCount)
            }
        case .partial(let byteCount):
            phase = .passing(byteCount: byteCount)
        case .incomplete:
            // A head in many pieces isn't read again with each of them.
            guard isSecondLook else { return false }
            phase = .decoding
        case .other:
            phase = .decoding
        }
        return true
    }
}
