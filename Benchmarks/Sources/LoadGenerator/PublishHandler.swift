import NIOCore
import NIOHTTP1

/// One keep-alive connection that publishes: a request at a time, answered before the next leaves.
final class PublishHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private var waiting: CircularBuffer<EventLoopPromise<HTTPResponseStatus>> = []
    private var status = HTTPResponseStatus.ok

    func publish(topic: String, payload: String, host: String, context: ChannelHandlerContext) -> EventLoopFuture<HTTPResponseStatus> {
        let promise = context.eventLoop.makePromise(of: HTTPResponseStatus.self)
        waiting.append(promise)
        let headers: HTTPHeaders = [
            "Host": host, "Content-Type": "application/json", "Content-Length": String(payload.utf8.count),
        ]
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/topics/\(topic)", headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: payload)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        return promise.futureResult
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = head.status
        case .body: break
        case .end: waiting.popFirst()?.succeed(status)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        while let promise = waiting.popFirst() { promise.fail(ChannelError.ioOnClosedChannel) }
    }
}
