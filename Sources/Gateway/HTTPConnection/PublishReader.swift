import NIOCore
import SluiceCore

/// Takes plain publishes out of what comes in and hands them to the ``HTTPConnectionHandler``; everything else goes on to the
/// HTTP decoder, in order and unchanged.
///
/// As long as requests are publishes, the decoder gets whole requests only, so that it holds nothing when the next one is taken out in front
/// of it. The first request of another kind leaves the connection to the decoder for good.
final class PublishReader: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Where the reader stands.
    enum Phase {
        /// At the beginning of a request.
        case between
        /// So many bytes of a publish are still for the decoder.
        case passing(byteCount: Int)
        /// Everything is for the decoder.
        case decoding
    }

    private let limits: HTTPLimits
    private let prefix: PathPrefix
    private let connection: HTTPConnectionHandler
    private var phase: Phase
    /// A head whose rest hasn't come.
    private var begun: ByteBuffer?
    private var context: ChannelHandlerContext?

    /// `phase`: `decoding` leaves all to the decoder.
    init(limits: HTTPLimits, connection: HTTPConnectionHandler, phase: Phase = .between) {
        self.limits = limits
        self.connection = connection
        prefix = connection.service.rules.prefix
        self.phase = phase
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        guard connection.admit(byteCount: buffer.readableBytes) else { return }
        let parts = connection.partCount
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
                context.fireChannelRead(wrapInboundOut(buffer))
                return connection.decoded(since: parts)
            case .passing(let byteCount):
                pass(byteCount, of: &buffer, context)
            case .between:
                guard look(at: &buffer, isSecondLook: isSecondLook) else {
                    begun = buffer
                    return connection.left(buffer.readableBytes, since: parts)
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

    /// Has the decoder look at what it holds.
    func callDecoder() { context?.fireChannelRead(wrapInboundOut(ByteBuffer())) }

    private func pass(_ byteCount: Int, of buffer: inout ByteBuffer, _ context: ChannelHandlerContext) {
        guard let part = buffer.readSlice(length: min(byteCount, buffer.readableBytes)) else { return }
        phase = byteCount > part.readableBytes ? .passing(byteCount: byteCount - part.readableBytes) : .between
        context.fireChannelRead(wrapInboundOut(part))
    }

    /// Looks at the next request; false when it must wait for more bytes.
    private func look(at buffer: inout ByteBuffer, isSecondLook: Bool) -> Bool {
        switch buffer.withUnsafeReadableBytes({ PlainPublish.read($0, limits: limits, prefix: prefix) }) {
        case .publish(let publish):
            if buffer.withUnsafeReadableBytes({ connection.accept(publish, from: $0) }) {
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
