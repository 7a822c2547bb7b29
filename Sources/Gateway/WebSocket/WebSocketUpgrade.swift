import FanOut
import HTTPTypes
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import SluiceCore

/// Turns connections to `/ws`, and to `/echo` when it is served, into WebSockets: the authorizer and the URL's topics
/// are checked before the upgrade, so that a client that may not connect gets a plain HTTP answer with its error.
struct WebSocketUpgrade: ConnectionUpgrading {
    private let services: WebSocketServices
    private let loops: LoopDirectory
    private let refusals: UpgradeRefusals?

    /// Upgrades to the connections of a gateway's fan-out.
    init(context: GatewayContext, fanOut: DeliveryFanOut) {
        self.init(
            services: fanOut.services,
            loops: fanOut.loops,
            refusals: UpgradeRefusals(
                factory: context.measures.metrics,
                accessLog: context.accessLog,
                logger: context.logger
            )
        )
    }

    init(services: WebSocketServices, loops: LoopDirectory, refusals: UpgradeRefusals? = nil) {
        self.services = services
        self.loops = loops
        self.refusals = refusals
    }

    func accept(
        _ head: HTTPRequestHead,
        from client: ConnectionPeer,
        on channel: any Channel
    ) -> EventLoopFuture<HTTPHeaders> {
        let promise = channel.eventLoop.makePromise(of: HTTPHeaders.self)
        let compression = compression(head)
        do throws(APIError) {
            guard !services.isDraining() else {
                throw APIError(.shuttingDown, "The gateway is draining: connect again, perhaps elsewhere.")
            }
            if try isEcho(head) {
                try accept(Grant(), client.address, request: nil, parameters: nil, compression, channel)
                promise.succeed(compression?.fields ?? HTTPHeaders())
            } else {
                try authorize(head, client, compression, channel, promise)
            }
        } catch {
            promise.fail(error)
        }
        return promise.futureResult
    }

    func refused(_ head: HTTPRequestHead, _ error: APIError, from client: ClientAddress, on channel: any Channel) {
        refusals?.note(error, path: head.uri, client)
    }

    func install(_ head: HTTPRequestHead, on channel: any Channel, _ plain: PlainPipeline?) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            guard let loop = loops[channel.eventLoop],
                let accepted = loop.upgrades.remove(for: channel)
            else {
                throw APIError(.internalError, "The connection was upgraded without having been accepted.")
            }
            try add(accepted, loop, channel, plain)
        }
    }

    // MARK: - Before the upgrade

    private func isEcho(_ head: HTTPRequestHead) throws(APIError) -> Bool {
        var uri = head.uri
        let path = uri.withUTF8 { ByteString(decoding: RequestTarget.path(of: $0)) }
        switch path {
        case "/ws": return false
        case "/echo" where services.configuration.isEchoEnabled: return true
        default:
            throw APIError(.notFound, "There is no WebSocket at \(path.string.printable(limit: 200)): connect to /ws.")
        }
    }

    private func compression(_ head: HTTPRequestHead) -> PermessageDeflate? {
        guard services.configuration.compression.isForWebSockets else { return nil }
        return PermessageDeflate(offers: head.headers.elements(of: "Sec-WebSocket-Extensions"))
    }

    private func authorize(
        _ head: HTTPRequestHead,
        _ client: ConnectionPeer,
        _ compression: PermessageDeflate?,
        _ channel: any Channel,
        _ promise: EventLoopPromise<HTTPHeaders>
    ) throws(APIError) {
        let subprotocol = try Subprotocols.choose(head.headers)
        let request = try ConnectRequest(
            head,
            client: client.address,
            certificate: client.certificate,
            isWebSocket: true,
            cookie: services.configuration.tokenCookie
        )
        let parameters = try ConnectParameters(request.query)
        guard parameters.entries.count <= services.configuration.subscriptionsPerConnection else {
            throw APIError(
                .tooManySubscriptions,
                "The URL names \(parameters.entries.count) topics and the limit is \(services.configuration.subscriptionsPerConnection)."
            )
        }
        var headers = HTTPHeaders(subprotocol.map { [("Sec-WebSocket-Protocol", $0)] } ?? [])
        if let compression { headers.add(contentsOf: compression.fields) }
        // The usual gateway without authorization decides without a task.
        if services.authorizer is AllowAllAuthorizer {
            try accept(.everything, client.address, request: nil, parameters: parameters, compression, channel)
            promise.succeed(headers)
            return
        }
        // An authorizer may do I/O, so connecting takes a task; the connection itself has none.
        let granted = channel.eventLoop.makePromise(of: Grant.self)
        services.runTask { [self] in
            do throws(APIError) {
                granted.succeed(try await grant(request, parameters.entries.map(\.topic)))
            } catch {
                granted.fail(error)
            }
        }
        let kept = request.kept(for: services.authorizer.basis)
        granted.futureResult.flatMapThrowing { [self, headers] grant in
            try accept(grant, client.address, request: kept, parameters: parameters, compression, channel)
            return headers
        }.cascade(to: promise)
    }

    /// The client's grant, if it may connect and subscribe to `topics`.
    private func grant(_ request: ConnectRequest, _ topics: [Topic]) async throws(APIError) -> Grant {
        let grant = try await services.authorizer.connect(request)
        for topic in topics {
            switch services.authorizer.decideNow(.subscribe, topic: topic, grant: grant) {
            case .allow?: continue
            case .deny(let error)?: throw error
            case nil: try await services.authorizer.authorize(.subscribe, topic: topic, grant: grant)
            }
        }
        return grant
    }

    /// Takes a client in that may connect, if it hasn't too many connections.
    private func accept(
        _ grant: Grant,
        _ client: ClientAddress,
        request: ConnectRequest?,
        parameters: ConnectParameters?,
        _ compression: PermessageDeflate?,
        _ channel: any Channel
    ) throws(APIError) {
        if let leave = try services.limiter?.join(grant, from: client, on: channel) {
            channel.closeFuture.whenComplete { _ in leave() }
        }
        let accepted = AcceptedUpgrade(
            grant: grant,
            client: client,
            request: request,
            parameters: parameters,
            compression: compression,
            acceptedAtNanoseconds: services.now()
        )
        loops[channel.eventLoop]?.upgrades.add(accepted, for: channel)
    }

    // MARK: - After the upgrade

    private func add(
        _ accepted: AcceptedUpgrade,
        _ loop: WebSocketLoop,
        _ channel: any Channel,
        _ plain: PlainPipeline?
    ) throws {
        let configuration = services.configuration
        let isEcho = accepted.parameters == nil
        let maximum = isEcho ? configuration.echoMessageBytes : configuration.messageBytes
        let session: any ClientSession =
            isEcho
            ? EchoSession()
            : SluiceV1Session(
                encoding: accepted.parameters?.encoding ?? .base64,
                epoch: services.history.epochs.text
            )
        let handler = WebSocketConnectionHandler(
            id: .random(),
            grant: accepted.grant,
            connectRequest: accepted.request,
            client: accepted.client,
            session: session,
            compression: accepted.compression.map {
                MessageCompression(rule: services.compression.webSocket, window: $0.window)
            },
            loop: loop,
            isRecorded: !isEcho,
            plain: plain,
            maximumMessageBytes: maximum,
            expiresAtNanoseconds: services.monotonic(accepted.grant.expiresAtWallNanoseconds)
        )
        // The mark is the slow consumer's limit: a channel that isn't writable has more than that unwritten.
        let mark = ChannelOptions.Types.WriteBufferWaterMark(
            low: configuration.unwrittenBytes / 2,
            high: configuration.unwrittenBytes
        )
        try channel.syncOptions?.setOption(.writeBufferWaterMark, value: mark)
        let frameBytes = isEcho ? maximum : configuration.frameBytes ?? maximum
        let decoder = ByteToMessageHandler(
            MeteredFrameDecoder(
                maximumFrameBytes: min(maximum, frameBytes, Int(UInt32.max)),
                budget: services.unfinished
            ) {
                [handler] in handler.heardPart()
            }
        )
        if accepted.compression != nil { services.counters.compressionNegotiated() }
        if !isEcho {
            services.registry.connected(handler.id, accepted.grant.principal, accepted.client.description)
            services.accessLog.connected(handler.id, accepted.grant.principal, from: accepted.client)
        }
        try channel.pipeline.syncOperations.addHandlers([decoder, handler])
        if let parameters = accepted.parameters, !parameters.entries.isEmpty {
            // Allowed before the upgrade.
            loop.register(
                SubscribeMessage(
                    id: nil,
                    entries: parameters.entries,
                    epoch: parameters.epoch,
                    encoding: parameters.encoding
                ),
                for: handler
            )
        }
        loop.subscribers.flushes.flush()
    }
}

/// The choice among the subprotocols that a client offers (RFC 6455, section 4.2.2).
enum Subprotocols {
    /// What a token begins with that a browser's page sends as a subprotocol, since it can set no field.
    private static let bearerPrefix: ByteString = "bearer."

    /// The token among the subprotocols that a client offers.
    static func token(_ headers: HTTPHeaders) -> String? {
        headers.elements(of: "Sec-WebSocket-Protocol").first { $0.hasPrefix(bearerPrefix) }.map { entry in
            String(decoding: entry.utf8.dropFirst(bearerPrefix.count), as: UTF8.self)
        }
    }

    /// Whether ours is among those that a client offers.
    static func isOffered(by headers: HTTPHeaders) -> Bool {
        headers.elements(of: "Sec-WebSocket-Protocol").contains(ByteString(SluiceV1Session.name))
    }

    /// The one to answer with; nil when none was offered, which is taken for ours.
    /// - Throws: `UnsupportedSubprotocol` when only others were offered.
    static func choose(_ headers: HTTPHeaders) throws(APIError) -> String? {
        // A token that stands among them is none.
        let offered = headers.elements(of: "Sec-WebSocket-Protocol").filter { !$0.hasPrefix(bearerPrefix) }
        if offered.isEmpty { return nil }
        if offered.contains(ByteString(SluiceV1Session.name)) { return SluiceV1Session.name }
        let names = offered.map(\.string).joined(separator: ", ").printable(limit: 100)
        throw APIError(
            .unsupportedSubprotocol,
            "None of the subprotocols '\(names)' is spoken here: offer \(SluiceV1Session.name) or none."
        )
    }
}

/// Counts and logs the clients that don't get a WebSocket, by the reason.
struct UpgradeRefusals: Sendable {
    private let counters: CounterFamily<APIErrorCode>
    private let accessLog: AccessLog
    private let logger: Logger

    init(factory: any MetricsFactory, accessLog: AccessLog = .off, logger: Logger) {
        counters = CounterFamily("sluice_websocket_refused_connects_total", by: "code", factory: factory)
        self.accessLog = accessLog
        self.logger = logger
    }

    /// Notes a refusal.
    ///
    /// The path alone is told, for the query may carry a token.
    func note(_ error: APIError, path uri: String, _ client: ClientAddress) {
        counters.increment(error.code)
        accessLog.refused(error, "connect", from: client)
        guard logger.logLevel <= .debug else { return }
        var uri = uri
        let path = uri.withUTF8 { String(decoding: RequestTarget.path(of: $0), as: UTF8.self) }
        logger.debug(
            "A client was refused its WebSocket.",
            metadata: [
                "code": "\(error.code.rawValue)", "reason": "\(error.message)",
                "path": "\(path.printable(limit: 200))", "address": "\(client)",
            ]
        )
    }
}
