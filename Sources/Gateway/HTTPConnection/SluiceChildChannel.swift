import FanOut
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import SluiceCore

/// One port for HTTP and WebSocket: sets up the pipeline of an accepted connection, ``PublishReader``, ``ResumingDecoder`` and
/// ``HTTPConnectionHandler``, which does all the rest on the connection's event loop.
struct SluiceChildChannel: ServerChildChannel {
    /// An accepted connection.
    struct Accepted: ServerChildChannelValue {
        let channel: any Channel
    }

    let service: PublishService
    let router: any RequestRouting & Sendable
    let upgrade: any ConnectionUpgrading
    let bridge: @Sendable (any EventLoop) -> AppendBridge
    let connections: OpenConnections
    /// Adds handlers that change bytes, such as TLS, in front of all others; nil when there are none.
    var wrap: (@Sendable (any Channel) throws -> Void)?

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Accepted> {
        channel.eventLoop.makeCompletedFuture {
            connections.opened(channel)
            try wrap?(channel)
            try SluiceChildChannel.addHandlers(
                to: channel,
                HTTPConnectionHandler.Services(publish: service, router: router, upgrade: upgrade),
                bridge: bridge(channel.eventLoop),
                // Whatever changes bytes must see all of them.
                plain: wrap == nil ? PlainPipeline() : nil,
                // Whom a proxy speaks for stands in fields that the plain way doesn't read.
                reader: service.rules.proxies.contains(ClientAddress(channel.remoteAddress)) ? .decoding : .between
            )
            return Accepted(channel: channel)
        }
    }

    /// A connection has no task: its handlers live on the event loop.
    func handle(value: Accepted, logger: Logger) async {}

    /// Adds the handlers of HTTP.
    ///
    /// `reader`: `decoding` leaves all requests to the decoder.
    @discardableResult
    static func addHandlers(
        to channel: any Channel,
        _ services: HTTPConnectionHandler.Services,
        bridge: AppendBridge,
        plain: PlainPipeline?,
        reader phase: PublishReader.Phase = .between
    ) throws -> HTTPConnectionHandler {
        let decoder = ResumingDecoder(limits: services.publish.limits)
        let connection = HTTPConnectionHandler(services, bridge: bridge, decoder: decoder, plain: plain)
        let reader = PublishReader(limits: services.publish.limits, connection: connection, phase: phase)
        let decoding = ByteToMessageHandler(decoder)
        connection.follows(reader, leaving: [reader, decoding])
        try channel.pipeline.syncOperations.addHandlers([reader, decoding, connection])
        return connection
    }
}
