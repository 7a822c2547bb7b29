import ChangeQueue
import DeliveryLink
import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOPosix
import Queues
import SNSProtocol
import ServiceLifecycle
import SluiceCore
import SubscriptionRegistry

/// A gateway's parts while it runs: starts them from the log outwards and stops them in the opposite order.
struct GatewayProcess: Sendable {
    let gateway: Gateway
    let drivers: GatewayDrivers
    let logEnd: LogEnd
    let measures: GatewayMeasures
    let group: MultiThreadedEventLoopGroup
    let rules: HeadRules
    /// Nil for a port without TLS.
    let tls: TLSPort?
    let gatewayID = GatewayID.random()

    private var configuration: GatewayConfiguration { gateway.configuration }
    private var logger: Logger { gateway.logger }

    /// Serves until the shutdown; the log writer and the event loops are the caller's to stop.
    func serve() async throws {
        let address = linkAddress
        let (secret, linkTLS) = try linkFiles(address)
        let registry = drivers.directory(row(address))
        let context = GatewayContext(
            configuration: configuration,
            gatewayID: gatewayID,
            writer: drivers.appending,
            reader: drivers.reading,
            registry: registry,
            authorizer: gateway.authorizer,
            measures: measures,
            group: group,
            logger: logger
        )
        let fanOut = DeliveryFanOut(context: context, group: group, logEnd: logEnd)
        registry.whenRegisteredAgain { fanOut.catchUpEverything() }
        let link = LinkServer(
            address: address,
            secret: secret,
            tls: linkTLS,
            group: group,
            gatewayID: gatewayID,
            receiver: fanOut,
            logger: logger,
            onRefusal: LinkRefusals(factory: measures.metrics).note
        )
        let result: Result<Void, any Error>
        do {
            try await start(link, at: address)
            // The row comes after the link listens: a publisher that reads it can connect.
            try registry.start()
            result = await serveHTTP(context, fanOut, link)
        } catch {
            result = .failure(error)
        }
        link.drain()
        await link.close()
        await context.history.shutdown()
        await registry.close()
        try result.get()
    }

    /// What publishers must know, and the link's certificate.
    private func linkFiles(_ address: LinkAddress) throws(GatewayError) -> (LinkSecret?, LinkTLS?) {
        let (certificate, key) = (configuration.linkCertificate, configuration.linkKey)
        guard (certificate == nil) == (key == nil), certificate == nil || address.isEncrypted else {
            throw GatewayError(
                .configuration,
                "--link-certificate and --link-key go together, and are those of a link with TLS: set --link tls://host:port with both."
            )
        }
        do {
            var tls: LinkTLS?
            if let certificate, let key { tls = try LinkTLS(certificate: certificate, key: key) }
            return (try LinkSecret.ofSetting(configuration.linkSecret), tls)
        } catch {
            throw GatewayError(.configuration, error.message)
        }
    }

    private func start(_ link: LinkServer, at address: LinkAddress) async throws {
        if address.port == 0 {
            throw GatewayError(.configuration, "The link needs a fixed port that publishers can be told, not 0.")
        }
        do {
            _ = try await link.start()
        } catch {
            throw GatewayError(.link, "The delivery link can't listen on \(address): \(error)")
        }
    }

    private func serveHTTP(
        _ context: GatewayContext,
        _ fanOut: DeliveryFanOut,
        _ link: LinkServer
    ) async -> Result<Void, any Error> {
        let connections = OpenConnections(factory: measures.metrics)
        let watch = PathWatch(drivers: drivers, link: link, logger: logger)
        let queues: QueueParts?
        do { queues = try queueParts() } catch { return .failure(error) }
        let redirect = configuration.redirectPort.map {
            RedirectServer(host: configuration.host, port: $0, rules: rules)
        }
        let routes = routes(context, fanOut, (link, watch), queues)
        let operations: OperationsPort?
        do { operations = try await openOperations(routes) } catch { return .failure(error) }
        let application = application(fanOut, routes, connections, queues, redirect?.securePort, operations?.address)
        let drain = context.drain
        let logger = logger
        let result: Result<Void, any Error>
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await withGracefulShutdownHandler {
                        try await application.run()
                    } onGracefulShutdown: {
                        drain.begin()
                        queues?.service.drain()
                        logger.info("draining", metadata: ["connections": "\(connections.count)"])
                    }
                    // Nothing more is accepted; what is open closes over the drain's window.
                    if Task.isCancelled { connections.closeAll() }
                    await connections.allClosed()
                    logger.info("drained")
                }
                group.addTask { [deadline = configuration.drainDeadline] in
                    try await gracefulShutdown()
                    try await Task.sleep(for: deadline)
                    connections.closeAll()
                }
                group.addTask { await watch.run() }
                if let tls { group.addTask { await tls.watch() } }
                if let redirect {
                    group.addTask {
                        try await redirect.run(on: self.group, logger: logger)
                        // Whoever ends first ends all: what is open on the gateway's own port drains for longer.
                        await connections.allClosed()
                    }
                }
                if let queues {
                    group.addTask { await queues.service.maintain() }
                    group.addTask { await queues.deliveries.run() }
                    group.addTask { await queues.measures.watch(queues.service, logger: logger) }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
            result = .success(())
        } catch {
            connections.closeAll()
            result = .failure(GatewayError.listening(on: configuration.host, port: configuration.port, error) ?? error)
        }
        await operations?.close()
        return result
    }

    /// Opens the port for operators, where there is to be one.
    private func openOperations(_ routes: GatewayRoutes) async throws -> OperationsPort? {
        guard let port = configuration.operationsPort else { return nil }
        let host = configuration.operationsHost
        let router = routes.operationsRouter(hosts: try AllowedHosts(nil, listenHost: host))
        return try await OperationsPort.open(host: host, port: port, router, on: group, logger: logger)
    }

    private func routes(
        _ context: GatewayContext,
        _ fanOut: DeliveryFanOut,
        _ link: (server: LinkServer, watch: PathWatch),
        _ queues: QueueParts?
    ) -> GatewayRoutes {
        GatewayRoutes(
            context: context,
            table: RouteTable(
                handlers: gateway.handlers,
                demo: DemoRoutes(isClientOnly: gateway.mounted != nil || !configuration.servesDemo),
                offersQueues: queues != nil,
                serves: configuration.operationsPort == nil ? .everyone : .clients
            ),
            counters: HTTPCounters(factory: measures.metrics),
            streams: EventStreams(services: fanOut.services, loops: fanOut.loops, metrics: measures.metrics),
            polls: LongPolls(services: fanOut.services, loops: fanOut.loops, metrics: measures.metrics),
            queues: queues?.service,
            topics: queues?.topics,
            certificate: queues?.deliveries.signer.certificate ?? "",
            links: { link.server.linkCount },
            linkFault: { link.watch.fault }
        )
    }

    private func application(
        _ fanOut: DeliveryFanOut,
        _ routes: GatewayRoutes,
        _ connections: OpenConnections,
        _ queues: QueueParts?,
        _ securePort: RedirectServer.SecurePort?,
        _ operations: String?
    ) -> Application<RouterResponder<GatewayRequestContext>> {
        let context = routes.context
        let service = PublishService(context, rules: rules, counters: routes.counters)
        let upgrade = WebSocketUpgrade(context: context, fanOut: fanOut)
        let onListening = gateway.onListening
        let responder = routes.router().buildResponder()
        let router = RouterTasks(
            responder: responder,
            heads: gateway.handlers.contains { $0.method == .head } ? .some : .none,
            others: gateway.mounted.map { ($0, routes.table) },
            connections: connections,
            logger: logger
        )
        let bridge: @Sendable (any EventLoop) -> AppendBridge = { eventLoop in context.bridge(on: eventLoop) }
        let encrypted = tls.map { encryptedPort($0, HTTP2Answers(service: service, router: router, bridge: bridge)) }
        let proxied = configuration.speaksProxyProtocol ? ProxyPort(factory: measures.metrics, logger: logger) : nil
        return Application(
            responder: responder,
            server: HTTPServerBuilder { _ in
                SluiceChildChannel(
                    service: service,
                    router: router,
                    upgrade: upgrade,
                    bridge: bridge,
                    connections: connections,
                    limiter: context.limiter,
                    encrypted: encrypted,
                    proxied: proxied
                )
            },
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                backlog: configuration.listenBacklog
            ),
            onServerRunning: { [logger] channel in
                AcceptPause.install(on: channel, listener: "HTTP", logger: logger)
                let port = channel.localAddress?.port ?? 0
                securePort?.set(port)
                context.registry.listening(at: address(port), operations: operations ?? address(port))
                queues?.deliveries.listening(at: address(port))
                await onListening(port)
            },
            eventLoopGroupProvider: .shared(group),
            logger: logger
        )
    }

    private func encryptedPort(_ port: TLSPort, _ answers: HTTP2Answers) -> SluiceChildChannel.Encrypted {
        let configuration = HTTP2ChannelConfiguration(
            idleTimeout: .nanoseconds(configuration.http.idleTimeout.nanoseconds),
            gracefulCloseTimeout: configuration.drainDeadline,
            streamConfiguration: HTTP1Channel.Configuration(additionalChannelHandlers: [StreamDrain.Stream()])
        )
        return SluiceChildChannel.Encrypted(port: port) { peer in
            HTTP2Channel(
                responder: { request, writer, channel in
                    try await answers.respond(request, writer, from: peer, on: channel)
                },
                configuration: configuration
            )
        }
    }

    /// What message queues and topics need, where they are offered.
    private struct QueueParts {
        let service: MessageQueueService
        let measures: MessageQueueMeasures
        let topics: SNSHandler
        let deliveries: TopicDeliveries
    }

    private func queueParts() throws(GatewayError) -> QueueParts? {
        guard let store = drivers.messageQueues else { return nil }
        let queueMeasures = MessageQueueMeasures(series: configuration.queueSeries, factory: measures.metrics)
        let service = MessageQueueService(store: store, observer: queueMeasures, logger: logger)
        let outcomes = NotificationMeasures(factory: measures.metrics)
        let topics = TopicService(store: store, queues: service, logger: logger) { deadLetters, dropped in
            outcomes.ended(.deadLetter, deadLetters)
            outcomes.ended(.dropped, dropped)
        }
        let rules = try EndpointRules(configuration.notificationHosts)
        let deliveries = TopicDeliveries(
            topics,
            rules: rules,
            signer: try NotificationSigner(directory: configuration.dataDirectory),
            url: configuration.notificationURL,
            measures: outcomes,
            logger: logger
        )
        let handler = SNSHandler(topics) { endpoint in rules.refusal(of: endpoint) }
        return QueueParts(service: service, measures: queueMeasures, topics: handler, deliveries: deliveries)
    }

    private var linkAddress: LinkAddress {
        configuration.link ?? .unix(path: drivers.socketPath("\(gatewayID).sock"))
    }

    private func row(_ link: LinkAddress) -> GatewayRow {
        GatewayRow(
            id: gatewayID,
            name: configuration.name,
            linkAddress: link.description,
            httpAddress: address(configuration.port),
            operationsAddress: address(configuration.port)
        )
    }

    private func address(_ port: Int) -> String { configuration.address(listeningOn: port) }
}
