import SluiceCore

/// What one client, and all of them, may do with connections, messages and publishes.
///
/// Each limit counts in one gateway. What is nil, or 0, isn't limited. Whoever goes beyond is told `TooManyConnections` or `TooManyRequests`.
public struct ClientLimits: Sendable {
    /// Connections in all, whatever they speak.
    public var connections: Int?
    /// Connections from one IPv4 address, or from one /64 of IPv6.
    ///
    /// Those of trusted proxies are many clients': behind them, WebSockets and streams count, by the address that the proxy names.
    public var addressConnections: Int?
    /// WebSockets, event streams and long polls of one principal.
    public var principalConnections: Int?
    /// New connections, in all.
    public var connects: RateLimit?
    /// New connections from one address.
    public var addressConnects: RateLimit?
    /// Frames that one WebSocket may send, control frames and fragments too.
    public var connectionMessages: RateLimit?
    /// Their bytes.
    public var connectionBytes: RateLimit?
    /// Records that one connection may publish.
    public var connectionPublishes: RateLimit?
    /// Records that one principal may publish.
    public var principalPublishes: RateLimit?
    /// Records that one address may publish.
    public var addressPublishes: RateLimit?
    /// Bytes of payloads that one principal may publish an hour, all of them at once if it likes.
    public var principalBytesPerHour: Int?

    /// None.
    public init() {}

    /// The same without those that are 0, which is none as well.
    var inForce: ClientLimits {
        func some(_ count: Int?) -> Int? { count == 0 ? nil : count }
        func some(_ rate: RateLimit?) -> RateLimit? { rate?.perSecond == 0 ? nil : rate }
        var limits = self
        limits.connections = some(connections)
        limits.addressConnections = some(addressConnections)
        limits.principalConnections = some(principalConnections)
        limits.connects = some(connects)
        limits.addressConnects = some(addressConnects)
        limits.connectionMessages = some(connectionMessages)
        limits.connectionBytes = some(connectionBytes)
        limits.connectionPublishes = some(connectionPublishes)
        limits.principalPublishes = some(principalPublishes)
        limits.addressPublishes = some(addressPublishes)
        limits.principalBytesPerHour = some(principalBytesPerHour)
        return limits
    }

    /// Whether connections are counted.
    var countConnections: Bool {
        connections != nil || addressConnections != nil || connects != nil || addressConnects != nil
    }

    /// Whether members of the fan-out are.
    var countMembers: Bool { countConnections || principalConnections != nil }

    /// Whether publishes are.
    var countPublishes: Bool {
        connectionPublishes != nil || principalPublishes != nil || addressPublishes != nil
            || principalBytesPerHour != nil
    }

    /// Whether frames are.
    var countFrames: Bool { connectionMessages != nil || connectionBytes != nil }

    /// Whether there is any.
    var isEmpty: Bool { !countMembers && !countPublishes && !countFrames }
}

/// A limit that a client has reached, as metrics and logs name it.
enum ClientLimit: String, CaseIterable, Sendable {
    case connections
    case addressConnections = "address_connections"
    case principalConnections = "principal_connections"
    case connects
    case addressConnects = "address_connects"
    case connectionMessages = "connection_messages"
    case connectionBytes = "connection_bytes"
    case connectionPublishes = "connection_publishes"
    case principalPublishes = "principal_publishes"
    case addressPublishes = "address_publishes"
    case principalBytes = "principal_bytes"

    /// What a client is told; `wait`: how long until there is room again, where that is known.
    func refusal(waitNanoseconds wait: UInt64?) -> APIError {
        let reason =
            switch self {
            case .connections: "The gateway has as many connections as it may have"
            case .addressConnections: "Your address has as many connections as it may have"
            case .principalConnections: "You have as many connections as you may have"
            case .connects: "Too many clients connect at once"
            case .addressConnects: "Your address connects too often"
            case .connectionMessages: "The connection sends more frames than it may"
            case .connectionBytes: "The connection sends more bytes than it may"
            case .connectionPublishes: "The connection publishes more than it may"
            case .principalPublishes: "You publish more than you may"
            case .addressPublishes: "Your address publishes more than it may"
            case .principalBytes: "You publish more bytes than you may in an hour"
            }
        let code: APIErrorCode =
            switch self {
            case .connections, .addressConnections, .principalConnections, .connects, .addressConnects:
                .tooManyConnections
            default: .tooManyRequests
            }
        var error = APIError(code, "\(reason): try again later.")
        error.retryAfterMilliseconds = wait.map { Int(clamping: ($0 + 999_999) / 1_000_000) }
        return error
    }
}
