import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// One port for HTTP and WebSocket: a connection whose first request asks for a WebSocket becomes one, every other speaks HTTP/1.1, with
/// publishes answered by ``PublishHandler`` and the rest by Hummingbird.
struct SluiceChildChannel: ServerChildChannel, HTTPChannelHandler {
    let responder: Responder
    let service: PublishService
    let bridge: @Sendable (any EventLoop) -> AppendBridge
    let upgrade: any ConnectionUpgrading
    let connections: OpenConnections

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<NegotiatingConnection> {
        channel.eventLoop.makeCompletedFuture {
            connections.opened(channel)
            let pipeline = channel.pipeline.syncOperations
            let front = ConnectionFront(headTimeout: service.limits.headTimeout)
            try pipeline.addHandler(front)
            let loopBound = NIOLoopBound(ConnectionSetup(front: front), eventLoop: channel.eventLoop)
            let configuration = NIOTypedHTTPServerUpgradeConfiguration<NegotiatedProtocol>(
                upgraders: [RefusalNotingUpgrader(upgrade: upgrade, setup: loopBound)],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeCompletedFuture { try speakHTTP(channel, loopBound.value) }
                }
            )
            return NegotiatingConnection(
                channel: channel,
                negotiated: try pipeline.configureUpgradableHTTPServerPipeline(configuration: pipelineConfiguration(configuration))
            )
        }
    }

    func handle(value: NegotiatingConnection, logger: Logger) async {
        do {
            switch try await value.negotiated.get() {
            case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
            case .webSocket: break  // Its handlers live on the event loop: no task per WebSocket.
            }
        } catch {
            logger.trace("A connection ended before its first request.", metadata: ["error": "\(error)"])
            value.channel.close(promise: nil)
        }
    }

    private func pipelineConfiguration(
        _ upgrade: NIOTypedHTTPServerUpgradeConfiguration<NegotiatedProtocol>
    ) -> NIOUpgradableHTTPServerPipelineConfiguration<NegotiatedProtocol> {
        var configuration = NIOUpgradableHTTPServerPipelineConfiguration(upgradeConfiguration: upgrade)
        // PublishHandler keeps the order and answers protocol errors itself.
        configuration.enablePipelining = false
        configuration.enableErrorHandling = false
        // HTTPTypes has checked the fields of routed answers; ours are fixed text.
        configuration.enableResponseHeaderValidation = false
        configuration.decoderConfiguration.maxHeaderListSize = service.limits.headBytes
        configuration.decoderConfiguration.maxHeaderFieldSize = service.limits.headBytes
        configuration.decoderConfiguration.maxHeaderFieldCount = service.limits.headerFields
        return configuration
    }

    private func speakHTTP(_ channel: any Channel, _ setup: ConnectionSetup) throws -> NegotiatedProtocol {
        setup.front.headHasCome()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(
            PublishHandler(
                service: service,
                bridge: bridge(channel.eventLoop),
                front: setup.front,
                upgradeRefusal: setup.refusal
            )
        )
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        return .http(
            try NIOAsyncChannel(
                wrappingChannelSynchronously: channel,
                configuration: NIOAsyncChannel.Configuration(isOutboundHalfClosureEnabled: true)
            )
        )
    }
}
