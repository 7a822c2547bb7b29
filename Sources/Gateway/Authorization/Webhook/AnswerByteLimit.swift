import NIOCore

/// Closes a connection to the back end on which an answer takes more bytes than any answer may.
///
/// The HTTP client reads informational responses (1xx) without end, and a flood of them would keep a core busy for as long as a question may
/// take. So the bytes since the last question are counted, before anything is made of them.
final class AnswerByteLimit: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = IOData

    /// An answer's body and as much again for its head, and TLS's own bytes.
    static let maximumBytes = 2 * WebhookAnswer.maximumBytes + 64 * 1024

    private var bytes = 0

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        bytes = 0
        context.write(data, promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes += unwrapInboundIn(data).readableBytes
        guard bytes <= AnswerByteLimit.maximumBytes else {
            context.close(promise: nil)
            return
        }
        context.fireChannelRead(data)
    }
}
