import FanOut
import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOHTTP1
import SluiceCore

/// One port for HTTP and WebSocket: sets up the pipeline of an accepted connection, ``PublishReader``, ``ResumingDecoder`` and
/// ``HTTPConnectionHandler``, which does all the rest on the connection's event loop.
///
/// On a port with TLS that is done behind the handshake; a client that chose HTTP/2 gets the library's pipeline instead, and tasks.
struct SluiceChildChannel: ServerChildChannel {
    /// An accepted connection.
    struct Accepted: ServerChildChannelValue {
        let channel: any Channel
        /// The streams of a client that chose HTTP/2; nil for any other, once its handshake is done.
        var streams: EventLoopFuture<HTTP2Channel.Value?>?
    }

    /// What a port with TLS needs beyond.
    struct Encrypted: Sendable {
        let port: TLSPort
        let http2: HTTP2Channel
    }

    let service: PublishService
    let router: any RequestRouting & Sendable
    let upgrade: any ConnectionUpgrading
    let bridge: @Sendable (any EventLoop) -> AppendBridge
    let connections: OpenConnections
    /// Nil: as many connections as there are descriptors.
    var limiter: ClientLimiter?
    /// Nil on a port without TLS.
    var encrypted: Encrypted?

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Accepted> {
        channel.eventLoop.makeCompletedFuture {
            connections.opened(channel)
            let refusal: APIError?
            switch limiter?.open(channel) ?? .admitted {
            case .admitted: refusal = nil
            case .refused(let error): refusal = error
            case .dropped:
                channel.close(promise: nil)
                return Accepted(channel: channel)
            }
            guard let encrypted else {
                try addHTTP1(to: channel, plain: PlainPipeline(), refusal: refusal)
                return Accepted(channel: channel)
            }
            guard refusal == nil else {
                // A handshake costs more than a connection: whoever has too many gets none.
                channel.close(promise: nil)
                return Accepted(channel: channel)
            }
            return Accepted(channel: channel, streams: try addTLS(encrypted, to: channel, logger))
        }
    }

    /// A connection has no task: its handlers live on the event loop.
    ///
    /// Only one of HTTP/2 has, and one for each of its streams.
    func handle(value: Accepted, logger: Logger) async {
        guard let encrypted, let streams = try? await value.streams?.get() else { return }
        await encrypted.http2.handle(value: streams, logger: logger)
    }

    private func addHTTP1(to channel: any Channel, plain: PlainPipeline?, refusal: APIError? = nil) throws {
        let handler = try SluiceChildChannel.addHandlers(
            to: channel,
            HTTPConnectionHandler.Services(publish: service, router: router, upgrade: upgrade),
            bridge: bridge(channel.eventLoop),
            plain: plain,
            // Whom a proxy speaks for stands in fields that the plain way doesn't read.
            reader: service.rules.proxies.contains(ClientAddress(channel.remoteAddress)) ? .decoding : .between
        )
        // Without TLS here a proxy may speak it, which nobody need say.
        if encrypted != nil { handler.connection.isSecure = true }
        if let refusal { handler.refuseAll(refusal) }
    }

    private func addTLS(
        _ encrypted: Encrypted,
        to channel: any Channel,
        _ logger: Logger
    ) throws -> EventLoopFuture<HTTP2Channel.Value?> {
        let streams = channel.eventLoop.makePromise(of: HTTP2Channel.Value?.self)
        channel.closeFuture.whenComplete { _ in streams.succeed(nil) }
        let gate = TLSGate(encrypted.port, timeout: service.limits.headTimeout) { negotiated in
            guard negotiated == "h2" else {
                // Whatever changes bytes must see all of them.
                try addHTTP1(to: channel, plain: nil)
                return streams.succeed(nil)
            }
            try channel.pipeline.syncOperations.addHandler(StreamDrain())
            encrypted.http2.setup(channel: channel, logger: logger).map { $0 }.cascade(to: streams)
        }
        try channel.pipeline.syncOperations.addHandlers([encrypted.port.makeHandler(), gate])
        return streams.futureResult
    }

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
