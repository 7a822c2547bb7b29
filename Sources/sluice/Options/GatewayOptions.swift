import ArgumentParser
import ChangeQueue
import Gateway
import SluiceCore

/// The gateway's flags.
struct GatewayOptions: SettingOptions {
    @Option(
        Setting(
            "host",
            .text,
            default: "127.0.0.1",
            for: [.gateway],
            "Address that HTTP and WebSocket are served on."
        )
        .fills(gateway: \.host)
    )
    var host: String?
    @Option(
        Setting(
            "port",
            .number(0...65_535),
            default: "8080",
            for: [.gateway],
            "Port of both; 0 takes a free one."
        )
        .fills(gateway: \.port)
    )
    var port: String?
    @Option(
        Setting(
            "allowed-hosts",
            .list,
            for: [.gateway],
            "Hosts that requests may be for: names, addresses, *.example.com, * for all; on a loopback host only its names when not set."
        )
        .fills(gateway: \.allowedHosts)
    )
    var allowedHosts: String?
    @Option(
        Setting(
            "name",
            .text,
            default: "gateway",
            for: [.gateway],
            "Name in the registry, different for each gateway of a data directory: one that comes back cleans its old rows."
        )
        .fills(gateway: \.name)
    )
    var name: String?
    @Option(.link) var link: String?
    @Option(
        Setting(
            "event-loops",
            .number(1...256),
            default: "1",
            for: [.gateway],
            "Threads that serve connections."
        )
        .fills(gateway: \.eventLoops)
    )
    var eventLoops: String?
    @Option(
        Setting(
            "listen-backlog",
            .number(1...65_535),
            default: "4096",
            for: [.gateway],
            "Connections that may wait to be accepted."
        )
        .fills(gateway: \.listenBacklog)
    )
    var listenBacklog: String?
    @Option(
        Setting(
            "commit-window",
            .duration(.zero...(.seconds(1))),
            default: "0",
            for: [.gateway],
            "How long a commit waits for more records after its first: publishes take so much longer, and the disk writes less."
        )
        .fills(gateway: \.log.commitWindow)
    )
    var commitWindow: String?
    @Option(
        Setting(
            "retention-age",
            .duration(.seconds(1)...(.seconds(3_153_600_000))),
            default: "24h",
            for: [.gateway],
            "Records older than this are trimmed from the log; resume reaches back so far."
        )
        .fills(gateway: \.log.retentionAge)
    )
    var retentionAge: String?
    @Option(
        Setting(
            "retention-bytes",
            .bytes(1 << 20...1 << 44),
            default: "8GiB",
            for: [.gateway],
            "The oldest records are trimmed while the log's pages take more."
        )
        .fills(gateway: \.log.retentionBytes)
    )
    var retentionBytes: String?
    @Option(.itemsBytes) var itemsBytes: String?
    @Option(
        Setting(
            "principal-items-bytes",
            .bytes(0...1 << 44),
            for: [.gateway],
            "What the items that one principal wrote last may take; half of the items' share when not set, all with allow-all."
        )
        .fills(gateway: \.quotas.itemsBytes)
    )
    var principalItemsBytes: String?
    @Option(
        Setting(
            "maximum-topics",
            .number(1...1_000_000_000),
            default: "2000000",
            for: [.gateway],
            "Topics that the log knows, kept in memory; at it a new one is refused (429), known ones go on."
        )
        .fills(gateway: \.log.maximumTopics)
    )
    var maximumTopics: String?
    @Option(
        Setting(
            "principal-topics",
            .number(1...1_000_000_000),
            for: [.gateway],
            "How many of them one principal may have begun; half when not set, all with allow-all."
        )
        .fills(gateway: \.quotas.topics)
    )
    var principalTopics: String?
    @Option(
        Setting(
            "principal-topics-per-second",
            .number(0...1_000_000_000),
            for: [.gateway],
            "New topics a second of one principal, 100 times as many at once; 0: no limit; 1000 when not set, 0 with allow-all."
        )
        .fills(gateway: \.quotas.topicsPerSecond)
    )
    var principalTopicsPerSecond: String?
    @Option(
        Setting(
            "payload-bytes",
            .bytes(1...Limits.payloadBytesCeiling),
            default: "1MiB",
            for: [.gateway],
            "Largest payload of one record."
        )
        .fills(gateway: \.http.payloadBytes)
    )
    var payloadBytes: String?
    @Option(
        Setting(
            "request-bytes",
            .bytes(1_024...1 << 30),
            default: "8MiB",
            for: [.gateway],
            "Largest body of a batch, POST /topics."
        )
        .fills(gateway: \.http.batchBytes)
    )
    var requestBytes: String?
    @Option(
        Setting(
            "http-idle-timeout",
            .duration(.seconds(1)...(.seconds(86_400))),
            default: "75s",
            for: [.gateway],
            "Silence after which a kept-alive HTTP connection is closed."
        )
        .fills(gateway: \.http.idleTimeout)
    )
    var httpIdleTimeout: String?
    @Option(.itemTopic) var itemTopic: String?
    @Option(
        Setting(
            "item-image",
            .choice(ItemImage.allCases.map(\.rawValue)),
            default: "new",
            for: [.gateway],
            "Which image of an item its change record carries unless the request says otherwise."
        )
        .fills(gateway: \.itemImage)
    )
    var itemImage: String?
    @Option(
        Setting(
            "subscriptions-per-connection",
            .number(1...1_000_000),
            default: "1000",
            for: [.gateway],
            "Topics that one WebSocket may be subscribed to."
        )
        .fills(gateway: \.webSocket.subscriptionsPerConnection)
    )
    var subscriptionsPerConnection: String?
    @Option(
        Setting(
            "message-bytes",
            .bytes(1_024...1 << 28),
            default: "2MiB",
            for: [.gateway],
            "Largest message of a WebSocket client."
        )
        .fills(gateway: \.webSocket.messageBytes)
    )
    var messageBytes: String?
    @Option(
        Setting(
            "unfinished-bytes",
            .bytes(1 << 20...1 << 40),
            default: "256MiB",
            for: [.gateway],
            "Bytes of bodies and messages that aren't complete, of all clients together; more is refused with 503 or closed with 1013."
        )
        .fills(gateway: \.http.unfinishedBytes)
    )
    var unfinishedBytes: String?
    @Option(
        Setting(
            "unwritten-bytes",
            .bytes(1_024...1 << 30),
            default: "1MiB",
            for: [.gateway],
            "Bytes that may wait for a client's socket; a slower client is closed with 4008 and resumes."
        )
        .fills(gateway: \.webSocket.unwrittenBytes)
    )
    var unwrittenBytes: String?
    @Option(.pingInterval) var pingInterval: String?
    @Option(.idleTimeout) var idleTimeout: String?
    @Option(
        Setting(
            "message-timeout",
            .duration(.milliseconds(200)...(.seconds(86_400))),
            default: "300s",
            for: [.gateway],
            "How long a message of a WebSocket client may take to arrive; then it is closed with 4010."
        )
        .fills(gateway: \.webSocket.messageTimeout)
    )
    var messageTimeout: String?
    @Option(
        Setting(
            "maximum-connection-age",
            .duration(.seconds(1)...(.seconds(31_536_000))),
            for: [.gateway],
            "How old a WebSocket may become; then it is closed with 4011, and told so 30s before. As old as it likes when not set."
        )
        .fills(gateway: \.webSocket.maximumAge)
    )
    var maximumConnectionAge: String?
    @Option(
        Setting(
            "access-log",
            .number(0...1_000_000),
            default: "0",
            for: [.gateway],
            "One in so many publishes, connects, subscribes and refusals is logged; 1: all, 0: none."
        )
        .fills(gateway: \.accessLogEvery)
    )
    var accessLog: String?
    @Option(
        Setting(
            "drain-window",
            .duration(.zero...(.seconds(3_600))),
            default: "5s",
            for: [.gateway],
            "Over how long the closing of WebSockets is spread after SIGTERM."
        )
        .fills(gateway: \.drainWindow)
    )
    var drainWindow: String?
    @Option(
        Setting(
            "drain-deadline",
            .duration(.seconds(1)...(.seconds(86_400))),
            default: "30s",
            for: [.gateway],
            "How long after SIGTERM connections that are still open are cut."
        )
        .fills(gateway: \.drainDeadline)
    )
    var drainDeadline: String?
    @Flag(
        Setting(
            "echo",
            .onOff,
            default: "false",
            for: [.gateway],
            "Serve a plain WebSocket echo at /echo, for conformance suites."
        )
        .fills(gateway: \.webSocket.isEchoEnabled)
    )
    var echo: Bool?
}

/// What is also looked up by name.
extension Setting {
    static let link = Setting(
        "link",
        .text,
        for: [.gateway],
        "Where publishers connect: unix:/path, tcp://host:port or tls://host:port; a Unix socket in the data directory when not set."
    )
    static let itemsBytes = Setting(
        "items-bytes",
        .bytes(0...1 << 44),
        for: [.gateway],
        "What tables' items may take of the map, a quarter when not set; beyond it they can't grow (507)."
    )
    .fills(gateway: \.log.itemsBytes)
    static let itemTopic = Setting(
        "item-topic",
        .text,
        default: "tables/{table}/{key}",
        for: [.gateway],
        "Topic of a change to a table's item, with the placeholders {table}, {key} and {operation}."
    )
    static let pingInterval = Setting(
        "ping-interval",
        .duration(.zero...(.seconds(3_600))),
        default: "25s",
        for: [.gateway],
        "Silence after which a WebSocket is pinged; 0: never, and silence alone ends it."
    )
    .fills(gateway: \.webSocket.pingInterval)
    static let idleTimeout = Setting(
        "idle-timeout",
        .duration(.milliseconds(200)...(.seconds(86_400))),
        default: "60s",
        for: [.gateway],
        "Silence after which a WebSocket is closed with 4009."
    )
    .fills(gateway: \.webSocket.idleTimeout)
}
