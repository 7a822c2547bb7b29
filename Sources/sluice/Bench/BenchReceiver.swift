import NIOCore
import NIOWebSocket

/// One WebSocket that receives: hands texts over, answers pings, tells its end.
///
/// Bound to the runner's loop.
final class BenchReceiver: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let index: Int
    private let runner: BenchRunner
    /// What an end without a close frame is called (RFC 6455, section 7.4.1).
    private var closeCode = 1006
    private var context: ChannelHandlerContext?

    /// Largest message: the largest payload with its envelope.
    static let maximumMessageBytes = BenchPlan.payloadRange.upperBound + 64 * 1024

    init(_ index: Int, of runner: BenchRunner) {
        self.index = index
        self.runner = runner
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        runner.receiverOpened(index, self)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Begins the closing handshake; the gateway's answer ends the connection.
    func close() {
        guard let context else { return }
        var code = ByteBuffer()
        code.writeInteger(UInt16(1_000))
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: code)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .text: runner.received(frame.unmaskedData, by: index)
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.unmaskedData)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .connectionClose:
            var data = frame.unmaskedData
            closeCode = data.readInteger(as: UInt16.self).map(Int.init) ?? 1005
            context.close(promise: nil)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        runner.receiverEnded(index, closeCode: closeCode)
        context.fireChannelInactive()
    }

    // The channel's end says what there is to say.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
