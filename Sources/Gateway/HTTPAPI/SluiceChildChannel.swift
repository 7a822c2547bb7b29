import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import SluiceCore

/// One port for HTTP and WebSocket: a connection whose first request asks for a WebSocket becomes one, every other
/// speaks HTTP/1.1, with publishes answered by ``PublishHandler`` and the rest by Hummingbird.
struct SluiceChildChannel: ServerChildChannel, HTTPChannelHandler {
    let responder: Responder
    let service: PublishService
    let bridge: @Sendable (any EventLoop) -> AppendBridge
    let upgrade: any ConnectionUpgrading
    let connections: OpenConnections

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<NegotiatingConnection> {
        channel.eventLoop.makeCompletedFuture {
            connections.opened(channel)
            let front = ConnectionFront(
                headTimeout: service.limits.headTimeout,
                budget: service.budgets.unauthenticated
            )
            let reader = PublishReader(limits: service.limits)
            let encoder = HTTPResponseEncoder()
            let decoder = ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: decoderLimits)
            )
            let promise = channel.eventLoop.makePromise(of: NegotiatedProtocol.self)
            let chooser = ProtocolChooser(
                upgrade: upgrade,
                rules: service.rules,
                front: front,
                httpHandlers: [reader, decoder, encoder],
                promise: promise
            ) { refusal in
                try speakHTTP(channel, front, reader, refusal)
            }
            do {
                try channel.pipeline.syncOperations.addHandlers([front, reader, encoder, decoder, chooser])
            } catch {
                promise.fail(error)
                throw error
            }
            return NegotiatingConnection(channel: channel, negotiated: promise.futureResult)
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

    private var decoderLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderListSize = service.limits.headBytes
        limits.maxHeaderFieldSize = service.limits.headBytes
        limits.maxHeaderFieldCount = service.limits.headerFields
        return limits
    }

    private func speakHTTP(
        _ channel: any Channel,
        _ front: ConnectionFront,
        _ reader: PublishReader,
        _ refusal: APIError?
    ) throws -> NegotiatedProtocol {
        let pipeline = channel.pipeline.syncOperations
        let publishHandler = PublishHandler(
            service: service,
            bridge: bridge(channel.eventLoop),
            front: front,
            upgradeRefusal: refusal
        )
        try pipeline.addHandler(publishHandler)
        reader.handler = publishHandler
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        return .http(
            try NIOAsyncChannel(
                wrappingChannelSynchronously: channel,
                configuration: NIOAsyncChannel.Configuration(isOutboundHalfClosureEnabled: true)
            )
        )
    }
}
