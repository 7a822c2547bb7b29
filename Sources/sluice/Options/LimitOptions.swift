import ArgumentParser
import Gateway

/// The gateway's flags for what one client may do.
struct LimitOptions: SettingOptions {
    @Option(.limits) var limits: String?
    @Option(
        Setting(
            "connections",
            .number(0...10_000_000),
            for: [.gateway],
            "Connections in all; as many as there are file descriptors when not set. 0: no limit, as with all of these."
        )
        .fills(gateway: \.limits.connections)
    )
    var connections: String?
    @Option(
        Setting(
            "address-connections",
            .number(0...10_000_000),
            for: [.gateway],
            "Connections from one address, or from one /64 of IPv6; of a trusted proxy's clients WebSockets, streams and long polls count."
        )
        .fills(gateway: \.limits.addressConnections)
    )
    var addressConnections: String?
    @Option(
        Setting(
            "principal-connections",
            .number(0...10_000_000),
            for: [.gateway],
            "WebSockets, event streams and long polls of one principal."
        )
        .fills(gateway: \.limits.principalConnections)
    )
    var principalConnections: String?
    @Option(
        Setting(
            "connects-per-second",
            .rate,
            for: [.gateway],
            "New connections a second in all; behind a colon how many at once."
        )
        .fills(gateway: \.limits.connects)
    )
    var connectsPerSecond: String?
    @Option(
        Setting(
            "address-connects-per-second",
            .rate,
            for: [.gateway],
            "New connections a second from one address."
        )
        .fills(gateway: \.limits.addressConnects)
    )
    var addressConnectsPerSecond: String?
    @Option(
        Setting(
            "connection-messages-per-second",
            .rate,
            for: [.gateway],
            "Frames a second that one WebSocket may send."
        )
        .fills(gateway: \.limits.connectionMessages)
    )
    var connectionMessagesPerSecond: String?
    @Option(
        Setting(
            "connection-bytes-per-second",
            .byteRate,
            for: [.gateway],
            "Their bytes a second."
        )
        .fills(gateway: \.limits.connectionBytes)
    )
    var connectionBytesPerSecond: String?
    @Option(
        Setting(
            "connection-publishes-per-second",
            .rate,
            for: [.gateway],
            "Records a second that one connection may publish."
        )
        .fills(gateway: \.limits.connectionPublishes)
    )
    var connectionPublishesPerSecond: String?
    @Option(
        Setting(
            "principal-publishes-per-second",
            .rate,
            for: [.gateway],
            "Records a second that one principal may publish."
        )
        .fills(gateway: \.limits.principalPublishes)
    )
    var principalPublishesPerSecond: String?
    @Option(
        Setting(
            "address-publishes-per-second",
            .rate,
            for: [.gateway],
            "Records a second that one address may publish."
        )
        .fills(gateway: \.limits.addressPublishes)
    )
    var addressPublishesPerSecond: String?
    @Option(
        Setting(
            "principal-bytes-per-hour",
            .bytes(0...1 << 50),
            for: [.gateway],
            "Bytes of payloads an hour that one principal may publish."
        )
        .fills(gateway: \.limits.principalBytesPerHour)
    )
    var principalBytesPerHour: String?
    @Option(
        Setting(
            "frame-bytes",
            .bytes(125...1 << 30),
            for: [.gateway],
            "Largest frame of a WebSocket client; as large as a message when not set."
        )
        .fills(gateway: \.webSocket.frameBytes)
    )
    var frameBytes: String?
}

extension Setting {
    static let limits = Setting(
        "limits",
        .choice(LimitProfile.allCases.map(\.rawValue)),
        default: "none",
        for: [.gateway],
        "Values for the limits that aren't set: for the open internet, or those of API Gateway's WebSocket APIs, for tests."
    )
}

/// Values of many settings under one name; what is set itself stays.
enum LimitProfile: String, CaseIterable {
    /// None.
    case none
    /// For a gateway that strangers reach: what a page with a person behind it doesn't come near.
    case `public`
    /// Those of “Amazon API Gateway quotas”, WebSocket APIs.
    case aws

    /// The values, written as one would set them.
    var values: [String: String] {
        switch self {
        case .none: [:]
        case .public:
            [
                "address-connections": "200", "principal-connections": "50",
                "address-connects-per-second": "20:200",
                "connection-messages-per-second": "50:500", "connection-bytes-per-second": "256KiB:4MiB",
                "connection-publishes-per-second": "20:200", "principal-publishes-per-second": "50:500",
                "address-publishes-per-second": "200:2000", "principal-bytes-per-hour": "1GiB",
            ]
        case .aws:
            [
                "connects-per-second": "500", "maximum-connection-age": "2h", "idle-timeout": "10m",
                "ping-interval": "0", "message-bytes": "128KiB", "frame-bytes": "32KiB",
            ]
        }
    }
}
