import ChangeQueue
import DeliveryLink
public import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import NIOPosix
import Queues
public import ServiceLifecycle
import SluiceCore
import StageLatency
import SubscriptionRegistry

/// The process that owns client connections and serves the HTTP API; also the library that a Swift server embeds.
///
/// ```swift
/// var gateway = Gateway(configuration: configuration, authorizer: AllowAllAuthorizer(), logger: logger)
/// gateway.on(.post, "/orders") { (order: Order, context) in
///     try .json(order, status: .created, changes: [RecordDraft(topic: Topic("orders"), payload: …)])
/// }
/// try await ServiceGroup(services: [gateway], gracefulShutdownSignals: [.sigterm], logger: logger).run()
/// ```
public struct Gateway: Service, CustomStringConvertible {
    /// What the operator chose.
    public let configuration: GatewayConfiguration
    /// Decides who may connect, subscribe and publish.
    public private(set) var authorizer: any Authorizer
    /// The request handlers of the server that embeds the gateway.
    public private(set) var handlers: [RequestHandler]
    /// Called when the gateway takes connections, with the port, which matters when ``GatewayConfiguration/port`` is 0.
    public var onListening: @Sendable (_ port: Int) async -> Void = { _ in }
    /// Has the running gateway read its certificates again at once.
    public let certificates = CertificateReload()
    /// What answers the paths that aren't the gateway's.
    var mounted: MountedRoutes?
    /// Opens what it stands on.
    let drivers: GatewayDrivers.Opening
    let logger: Logger

    /// Makes a gateway on drivers of one's own; nothing is opened before ``run()``.
    ///
    /// `LocalStorage` adds an initializer without `drivers`, for a data directory of this machine.
    public init(
        configuration: GatewayConfiguration,
        authorizer: any Authorizer,
        handlers: [RequestHandler] = [],
        drivers: @escaping GatewayDrivers.Opening,
        logger: Logger
    ) {
        self.configuration = configuration
        self.authorizer = authorizer
        self.handlers = handlers
        self.drivers = drivers
        self.logger = logger
    }

    /// Its name, and nothing that the configuration holds: service groups write it into logs.
    public var description: String { "gateway '\(configuration.name)'" }

    /// Adds a request handler whose body is JSON.
    public mutating func on<Input: Decodable & Sendable>(
        _ method: HTTPRequest.Method,
        _ path: String,
        isAuthorized: Bool = true,
        _ respond: @escaping @Sendable (Input, HandlerContext) async throws -> HandlerReply
    ) {
        handlers.append(RequestHandler(method, path, isAuthorized: isAuthorized, decoding: Input.self, respond))
    }

    /// Runs until a graceful shutdown or cancellation, and returns when everything is closed: accepted requests are
    /// answered, WebSockets closed with 1001, the registry's rows removed, and what was appended is committed.
    /// - Throws: ``GatewayError`` when the gateway can't start.
    public func run() async throws {
        try GatewayError.checkAccess(configuration, authorizer)
        let rules = try HeadRules(configuration)
        let measures = GatewayMeasures(queue: configuration.queue.id)
        authorizer.measure(with: measures.metrics)
        try checkTogether(rules)
        let tls =
            configuration.tls.isOn
            ? try TLSPort(configuration.tls, metrics: measures.metrics, logger: logger) : nil
        certificates.serve(tls)
        defer { certificates.serve(nil) }
        if configuration.limits.inForce.isEmpty, !GatewayError.isLoopback(configuration.host) {
            logger.notice("nothing limits what one client may do: see --limits")
        }
        var gateway = self
        if let principal = configuration.tls.clientPrincipal {
            gateway.authorizer = try CertificateAuthorizer(
                authorizer,
                principal: principal,
                subscribe: configuration.tls.clientSubscribe,
                publish: configuration.tls.clientPublish
            )
        }
        let (drivers, logEnd) = try gateway.openDrivers(measures)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.eventLoops))
        let process = GatewayProcess(
            gateway: gateway,
            drivers: drivers,
            logEnd: logEnd,
            measures: measures,
            group: group,
            rules: rules,
            tls: tls
        )
        let result: Result<Void, any Error>
        do {
            result = .success(try await process.serve())
        } catch {
            result = .failure(error)
        }
        drivers.appending.shutdown()
        do { try drivers.messageQueues?.close() } catch {
            logger.warning("message queues can't be closed", metadata: ["error": "\(error)"])
        }
        try? await group.shutdownGracefully()
        withExtendedLifetime(drivers) {}
        try result.get()
    }

    /// Settings that don't go together.
    private func checkTogether(_ rules: HeadRules) throws(GatewayError) {
        try configuration.tls.check()
        guard configuration.webSocket.tokenCookie == nil || !rules.origins.isOpen else {
            throw GatewayError(
                .configuration,
                "Cookies are sent by every page: with --token-cookie, --allowed-origins must name the pages, not *."
            )
        }
        guard configuration.redirectPort == nil || configuration.tls.isOn else {
            throw GatewayError(
                .configuration,
                "A port that leads to https needs one with TLS: set --tls-certificate and --tls-key."
            )
        }
        guard !configuration.speaksProxyProtocol || !rules.proxies.isEmpty else {
            throw GatewayError(
                .configuration,
                "Whose PROXY headers are to be believed must be said: set --trusted-proxies with --proxy-protocol."
            )
        }
    }
}
