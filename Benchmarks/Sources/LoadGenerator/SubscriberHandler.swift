import NIOCore

/// One WebSocket subscriber: sends its upgrade request, waits for `subscribed`, then counts events and their latencies.
final class SubscriberHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let request: String
    private let tally: Tally
    private let subscribed: EventLoopPromise<Void>
    private var isUpgraded = false
    private var isSubscribed = false
    private var pending: ByteBuffer?

    init(host: String, topic: String, tally: Tally, subscribed: EventLoopPromise<Void>) {
        request =
            "GET /ws?topic=\(topic) HTTP/1.1\r\nHost: \(host)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sluice.v1\r\n\r\n"
        self.tally = tally
        self.subscribed = subscribed
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        if var left = pending {
            left.writeBuffer(&buffer)
            buffer = left
            pending = nil
        }
        if !isUpgraded {
            guard let end = buffer.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8)) else {
                pending = buffer
                return
            }
            let head = String(buffer: buffer.getSlice(at: buffer.readerIndex, length: min(12, buffer.readableBytes)) ?? buffer)
            guard head.hasPrefix("HTTP/1.1 101") else {
                subscribed.fail(LoadError.refused(head))
                context.close(promise: nil)
                return
            }
            buffer.moveReaderIndex(to: end.upperBound)
            isUpgraded = true
        }
        while let frame = FrameReader.next(in: &buffer) { handle(frame, context: context) }
        if buffer.readableBytes > 0 { pending = buffer }
    }

    private func handle(_ frame: FrameReader.Frame, context: ChannelHandlerContext) {
        switch frame.opcode {
        case 1:
            if isSubscribed {
                if let time = Marker.time(in: frame.payload) { tally.received(time: time) }
            } else if String(buffer: frame.payload).contains("\"subscribed\"") {
                isSubscribed = true
                subscribed.succeed()
            }
        case 8:
            tally.closed()
            context.close(promise: nil)
        case 9:
            var pong = ByteBuffer()
            pong.writeBytes([0x8A, 0x80 | UInt8(frame.payload.readableBytes), 0, 0, 0, 0])
            pong.writeImmutableBuffer(frame.payload)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isSubscribed { subscribed.fail(LoadError.refused("closed before subscribed")) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// What can go wrong for a load run.
enum LoadError: Error {
    /// The server refused a connection or a publish; what it said.
    case refused(String)
}
