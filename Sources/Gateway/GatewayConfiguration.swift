public import ChangeQueue
public import DeliveryLink
public import SluiceCore

/// Everything that an operator may choose about a gateway.
///
/// Units stand in the names or in the type.
public struct GatewayConfiguration: Sendable {
    /// The directory with the log, the registry and the sockets; it is made when it doesn't exist.
    public var dataDirectory = "./sluice-data"
    /// The address to listen on.
    ///
    /// Anything but a loopback address wants an authorizer, see ``isAllowAllChosen``.
    public var host = "127.0.0.1"
    /// The port for HTTP and WebSocket; 0 takes a free one.
    public var port = 8080
    /// The port for `/healthz`, `/readyz`, `/metrics` and `/latency`, of plain HTTP; 0 takes a free one.
    ///
    /// The last two are then on no other. Nil serves all of them on ``port``.
    public var operationsPort: Int?
    /// The address of the same.
    public var operationsHost = "127.0.0.1"
    /// The hosts that requests may be for: names, addresses, `*.example.com` for all names below, `*` for every name.
    ///
    /// Nil takes those of the loopback when ``host`` is a loopback address, and every name otherwise. The loopback's names, the
    /// address that a client connected to, and ``host`` are allowed in any case.
    public var allowedHosts: [String]?
    /// The certificates of the port; none serves it without TLS.
    public var tls = TLSFiles()
    /// A port that answers plain HTTP with where to find the same by `https`; nil for none.
    public var redirectPort: Int?
    /// The pages that may use the gateway, by their origins: `https://app.example.com`, `https://*.example.com`, `null`, `*` for every page.
    ///
    /// Nil takes the loopback's pages when ``host`` is a loopback address, and none otherwise. Pages of the gateway's own origin are allowed
    /// in any case.
    public var allowedOrigins: [String]?
    /// The networks of the proxies whose word about their clients is taken: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.1`.
    public var trustedProxies: [String] = []
    /// Whether those proxies begin each connection with a header of the PROXY protocol, which names the client.
    public var speaksProxyProtocol = false
    /// The field in which they name their clients; no other is looked at, for that would be the client's own.
    public var forwardedField = ForwardedField.xForwardedFor
    /// What all paths begin with, such as `/rt`; empty for none.
    public var pathPrefix = ""
    /// Whether the demo page and the documents are served; nil: on a loopback ``host`` only.
    public var demo: DemoPage?
    /// The name of this gateway in the registry.
    ///
    /// A gateway that comes back under its name cleans its old rows.
    public var name = "gateway"
    /// Where publishers connect; nil takes a Unix socket in the data directory.
    public var link: LinkAddress?
    /// What publishers must know to connect; needed for a TCP link.
    public var linkSecret: String?
    /// A PEM file with the certificate of a link over TLS, and those that lead to its authority.
    public var linkCertificate: String?
    /// A PEM file with its key.
    public var linkKey: String?
    /// Event loops.
    ///
    /// One is the better choice on two cores (docs/performance.md).
    public var eventLoops = 1
    /// Connections that may wait to be accepted.
    public var listenBacklog = 4096
    /// The queue that the publishers use; it only labels this process's figures.
    public var queue = PublishersQueue(.sqs)
    /// Whether serving everyone on an address that others can reach was asked for explicitly.
    public var isAllowAllChosen = false
    /// The change log's own limits; its directory is derived from ``dataDirectory``.
    ///
    /// Those of one principal are in ``quotas``.
    public var log = ChangeLogConfiguration()
    /// What one principal may take of the log.
    public var quotas = PrincipalQuotas()
    /// What one HTTP request may be.
    public var http = HTTPLimits()
    /// What WebSocket connections may do.
    public var webSocket = WebSocketConfiguration()
    /// What one client, and all of them, may do.
    public var limits = ClientLimits()
    /// How the topic of a change to a table's item is made.
    public var itemTopic = ItemTopicTemplate.standard
    /// Which image of an item its change record carries unless the request says otherwise.
    public var itemImage = ItemImage.new
    /// Whether `POST /` answers SQS's API for message queues.
    ///
    /// Its requests aren't authenticated: whoever reaches the port may use every queue.
    public var offersQueueAPI = false
    /// Message queues with metrics of their own, the first ones by their names; the others share theirs.
    public var queueSeries = 100
    /// The hosts that topics' messages may be posted to: names, addresses, `*.example.com`, `*` for every host; none when nil.
    public var notificationHosts: [String]?
    /// Scheme and host by which endpoints of topics reach this gateway, to confirm and to verify; nil takes where it listens.
    public var notificationURL: String?
    /// One in so many publishes, connects, subscribes and refusals is logged; 0: none.
    public var accessLogEvery = 0
    /// Over how long the closing of WebSockets is spread when the gateway drains.
    public var drainWindow: Duration = .seconds(5)
    /// How long after the drain began connections that are still open are cut.
    public var drainDeadline: Duration = .seconds(30)

    /// The defaults.
    public init() {}

    /// Scheme, host, port and path by which clients on this machine reach the gateway.
    public func address(listeningOn port: Int) -> String {
        let scheme = tls.isOn ? "https" : "http"
        let prefix = prefix.text
        return host.contains(":") ? "\(scheme)://[\(host)]:\(port)\(prefix)" : "\(scheme)://\(host):\(port)\(prefix)"
    }

    /// What all paths begin with; one that is none is told at start.
    var prefix: PathPrefix { (try? PathPrefix(pathPrefix)) ?? .none }

    /// Whose word about clients is taken; networks that are none are told at start.
    var proxies: TrustedProxies { (try? TrustedProxies(trustedProxies, field: forwardedField)) ?? .none }

    /// Whether the demo page is served: where nobody has said so, only to this machine.
    var servesDemo: Bool { demo.map { $0 == .on } ?? GatewayError.isLoopback(host) }
}

/// What one principal may take of what doesn't come back by itself: items, and places in the table of topics.
///
/// What is nil follows the authorizer: with ``AllowAllAuthorizer``, who knows nobody, there is no quota; with any other
/// the defaults named here. Clients that the authorizer gives no name count as one principal together.
public struct PrincipalQuotas: Sendable {
    /// Bytes of items that one principal may have written last; by default half of what all items may take.
    public var itemsBytes: Int?
    /// Topics that one principal may have begun; by default half of all.
    public var topics: Int?
    /// New topics that one principal may begin a second; by default 1,000.
    ///
    /// 0: no limit.
    public var topicsPerSecond: Int?

    /// The defaults.
    public init() {}

    /// Puts the quotas into the log's configuration.
    func apply(to log: inout ChangeLogConfiguration, knowsPrincipals: Bool) {
        log.principalItemsBytes = itemsBytes ?? (knowsPrincipals ? log.itemsBudgetBytes / 2 : .max)
        log.principalTopics = topics ?? (knowsPrincipals ? log.maximumTopics / 2 : .max)
        log.principalTopicsPerSecond =
            topicsPerSecond ?? (knowsPrincipals ? PrincipalQuotas.standardTopicsPerSecond : 0)
    }

    private static let standardTopicsPerSecond = 1_000
}
