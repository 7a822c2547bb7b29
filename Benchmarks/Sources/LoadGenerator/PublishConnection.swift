import NIOCore
import NIOHTTP1
import NIOPosix

/// A keep-alive HTTP connection to the gateway, usable from a task.
final class PublishConnection: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<PublishHandler>
    private let context: NIOLoopBound<ChannelHandlerContext>
    private let host: String

    private init(channel: any Channel, handler: NIOLoopBound<PublishHandler>, context: NIOLoopBound<ChannelHandlerContext>, host: String) {
        self.channel = channel
        self.handler = handler
        self.context = context
        self.host = host
    }

    /// Connects.
    static func open(host: String, port: Int, group: any EventLoopGroup) async throws -> PublishConnection {
        let channel = try await ClientBootstrap(group: group)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(PublishHandler())
                }
            }
            .connect(host: host, port: port).get()
        return try await channel.eventLoop.submit {
            let handler = try channel.pipeline.syncOperations.handler(type: PublishHandler.self)
            let context = try channel.pipeline.syncOperations.context(handlerType: PublishHandler.self)
            return PublishConnection(
                channel: channel,
                handler: NIOLoopBound(handler, eventLoop: channel.eventLoop),
                context: NIOLoopBound(context, eventLoop: channel.eventLoop),
                host: "\(host):\(port)"
            )
        }.get()
    }

    /// Publishes and waits for the answer.
    func publish(topic: String, payload: String) async throws {
        let status = try await channel.eventLoop.flatSubmit { [self] in
            handler.value.publish(topic: topic, payload: payload, host: host, context: context.value)
        }.get()
        guard status.code == 202 else { throw LoadError.refused("publish answered \(status.code)") }
    }

    /// Closes.
    func close() async throws { try await channel.close() }
}
