import FanOut
import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
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
        var streams: EventLoopFuture<Streams?>?
    }

    /// A connection of HTTP/2.
    struct Streams: Sendable {
        let http2: HTTP2Channel
        let value: HTTP2Channel.Value
    }

    /// What a port with TLS needs beyond.
    struct Encrypted: Sendable {
        let port: TLSPort
        /// Answers the streams of a connection, for whom it is from.
        let http2: @Sendable (_ peer: ConnectionPeer) -> HTTP2Channel
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
    /// Nil when trusted proxies send no PROXY headers.
    var proxied: ProxyPort?

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
            let peer = ClientAddress(channel.remoteAddress)
            if let refusal {
                try refuse(channel, from: peer, refusal)
                return Accepted(channel: channel)
            }
            let streams = encrypted.map { _ in channel.eventLoop.makePromise(of: Streams?.self) }
            if let streams { channel.closeFuture.whenComplete { _ in streams.succeed(nil) } }
            if let proxied, service.rules.proxies.contains(peer) {
                let reader = ProxyHeaderReader(proxied, peer: peer, timeout: service.limits.headTimeout) { client in
                    try begin(channel, from: client, streams, logger)
                }
                try channel.pipeline.syncOperations.addHandler(reader)
            } else {
                try begin(channel, from: peer, streams, logger)
            }
            return Accepted(channel: channel, streams: streams?.futureResult)
        }
    }

    /// A connection has no task: its handlers live on the event loop.
    ///
    /// Only one of HTTP/2 has, and one for each of its streams.
    func handle(value: Accepted, logger: Logger) async {
        guard let streams = try? await value.streams?.get() else { return }
        await streams.http2.handle(value: streams.value, logger: logger)
    }

    /// Answers a connection that is one too many; without TLS only, whose handshake costs more than a connection.
    private func refuse(_ channel: any Channel, from peer: ClientAddress, _ error: APIError) throws {
        guard encrypted == nil else { return channel.close(promise: nil) }
        let handler = try addHTTP1(
            to: channel,
            from: ConnectionPeer(address: peer, certificate: nil),
            plain: nil
        )
        handler.refuseAll(error)
    }

    /// Sets up what comes behind the address.
    private func begin(
        _ channel: any Channel,
        from peer: ClientAddress,
        _ streams: EventLoopPromise<Streams?>?,
        _ logger: Logger
    ) throws {
        guard let encrypted, let streams else {
            let peer = ConnectionPeer(address: peer, certificate: nil)
            try addHTTP1(to: channel, from: peer, plain: PlainPipeline())
            return
        }
        let gate = TLSGate(encrypted.port, timeout: service.limits.headTimeout) { negotiated in
            // A trusted proxy's certificate is its own, whomever it speaks for.
            let verified =
                service.rules.proxies.contains(peer)
                ? nil : try channel.pipeline.syncOperations.nioSSL_peerCertificate()
            let peer = ConnectionPeer(address: peer, certificate: verified.flatMap { ClientCertificate($0) })
            guard negotiated == "h2" else {
                // Whatever changes bytes must see all of them.
                try addHTTP1(to: channel, from: peer, plain: nil)
                return streams.succeed(nil)
            }
            try channel.pipeline.syncOperations.addHandler(StreamDrain())
            let http2 = encrypted.http2(peer)
            http2.setup(channel: channel, logger: logger).map { Streams(http2: http2, value: $0) }
                .cascade(to: streams)
        }
        try channel.pipeline.syncOperations.addHandlers([encrypted.port.makeHandler(), gate])
    }

    @discardableResult
    private func addHTTP1(
        to channel: any Channel,
        from peer: ConnectionPeer,
        plain: PlainPipeline?
    ) throws -> HTTPConnectionHandler {
        let handler = try SluiceChildChannel.addHandlers(
            to: channel,
            HTTPConnectionHandler.Services(publish: service, router: router, upgrade: upgrade),
            bridge: bridge(channel.eventLoop),
            plain: plain,
            // Whom a proxy speaks for stands in fields that the plain way doesn't read.
            reader: service.rules.proxies.contains(peer.address) ? .decoding : .between
        )
        handler.connectedFrom(peer.address)
        handler.connection.certificate = peer.certificate
        // Without TLS here a proxy may speak it, which nobody need say.
        if encrypted != nil { handler.connection.isSecure = true }
        return handler
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
