import ChangeQueue
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Queues
import SNSProtocol
import SQSProtocol
import SluiceCore
import SubscriptionRegistry

/// All the routes that Hummingbird answers.
struct GatewayRoutes {
    let context: GatewayContext
    let table: RouteTable
    let counters: HTTPCounters
    let streams: EventStreams
    let polls: LongPolls
    /// Message queues, where they are offered.
    let queues: MessageQueueService?
    /// Topics, where they are offered.
    let topics: SNSHandler?
    /// The certificate of their signatures.
    let certificate: String
    /// How many publishers are linked at the moment.
    let links: @Sendable () -> Int
    /// Why publishers can't connect, if they can't.
    let linkFault: @Sendable () -> String?

    func router() -> Router<GatewayRequestContext> {
        let router = Router(context: GatewayRequestContext.self)
        router.add(middleware: errors(table))
        router.add(middleware: PacedAnswers(budget: context.budgets.unsent))
        let grants = RequestGrants(
            authorizer: context.authorizer,
            cookie: context.configuration.webSocket.tokenCookie
        )
        TopicRoutes(
            grants: grants,
            reader: context.reader,
            history: context.history,
            unsent: context.budgets.unsent,
            streams: streams,
            polls: polls
        ).register(on: router)
        ServerSentRoutes(grants: grants, streams: streams).register(on: router)
        ItemRoutes(
            grants: grants,
            writer: context.writer,
            reader: context.reader,
            logID: context.logID,
            measures: context.measures,
            budgets: context.budgets,
            limiter: context.limiter,
            configuration: context.configuration
        ).register(on: router)
        registerHealth(on: router)
        if table.serves != .clients { registerMeasures(on: router) }
        table.demo.register(on: router)
        registerPrefix(on: router)
        if let queues, let topics {
            QueueRoutes(handler: SQSHandler(queues), topics: topics, budgets: context.budgets).register(on: router)
            NotificationRoutes(handler: topics, certificate: certificate).register(on: router)
        }
        HandlerRoutes(
            handlers: table.handlers,
            grants: grants,
            writer: context.writer,
            measures: context.measures,
            bodyBytes: context.configuration.http.payloadBytes,
            budgets: context.budgets
        ).register(on: router)
        return router
    }

    /// What the operations port answers, by a host of its own.
    func operationsRouter(hosts: AllowedHosts) -> Router<GatewayRequestContext> {
        let router = Router(context: GatewayRequestContext.self)
        router.add(middleware: errors(RouteTable(handlers: [], serves: .operations)))
        router.add(middleware: OwnHost(hosts: hosts))
        registerHealth(on: router)
        registerMeasures(on: router)
        return router
    }

    private func errors(_ table: RouteTable) -> APIErrorMiddleware {
        APIErrorMiddleware(
            counters: counters,
            table: table,
            faults: BoundedLog(context.logger),
            accessLog: context.accessLog
        )
    }

    private func registerHealth(on router: Router<GatewayRequestContext>) {
        HealthRoutes(drain: context.drain, checks: checks(), refused: refused()).register(on: router)
    }

    private func registerMeasures(on router: Router<GatewayRequestContext>) {
        MeasureRoutes(
            measures: context.measures,
            logID: context.logID,
            budgets: context.budgets,
            reader: context.reader,
            links: links
        ).register(on: router)
    }

    /// Leads who leaves out the slash behind the prefix to the page, whose own links begin there.
    private func registerPrefix(on router: Router<GatewayRequestContext>) {
        let path = context.configuration.prefix.text
        guard !path.isEmpty else { return }
        router.get(RouterPath(path)) { _, _ in
            Response(status: .permanentRedirect, headers: [.location: path + "/"])
        }
    }

    private func checks() -> [(name: String, check: @Sendable () async -> String?)] {
        let (reader, registry) = (context.reader, context.registry)
        return [
            (
                "log",
                {
                    reader.isLoaded
                        ? fault { _ = try reader.lastSequence() }
                        : "the newest records of its topics are still being read"
                }
            ),
            ("registry", { registry.fault.map { "\($0)" } }),
            ("link", { [linkFault] in linkFault() }),
            ("authorizer", { [authorizer = context.authorizer] in authorizer.fault }),
        ]
    }

    /// What the log refuses at the moment because a limit is met, by name.
    private func refused() -> @Sendable () -> [LogResource: String] {
        let reader = context.reader
        return { (try? reader.usage())?.warnings(atPercent: 100) ?? [:] }
    }
}

/// What `body` throws, as text; nil when it succeeds.
private func fault(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return "\(error)"
    }
}

/// Hummingbird's context of one routed request, with the peer's address for the authorizer and the
/// connection's event loop for answers that are sent in pieces.
struct GatewayRequestContext: RequestContext, RemoteAddressRequestContext {
    var coreContext: CoreRequestContextStorage
    let remoteAddress: SocketAddress?
    /// The connection, for work that nobody waits for when it is closed.
    let channel: any Channel
    /// Who sent the request.
    var client: ClientAddress
    /// The certificate that its connection has shown.
    var certificate: ClientCertificate?
    /// When the client has ended its side.
    var input = InputEnd()

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        remoteAddress = source.channel.remoteAddress
        channel = source.channel
        client = ClientAddress(source.channel.remoteAddress)
    }
}
