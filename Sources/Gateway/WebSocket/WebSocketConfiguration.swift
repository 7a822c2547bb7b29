public import NIOCore
import SluiceCore

/// What WebSocket connections may do and use.
///
/// Whatever goes beyond has a code in docs/protocol.md.
public struct WebSocketConfiguration: Sendable {
    /// Largest message of a client, bytes, over all its fragments.
    ///
    /// A base64 payload of the largest size fits with its envelope.
    public var messageBytes = 2 * Limits.payloadBytes
    /// Largest frame of a client, bytes; nil: as large as a message.
    public var frameBytes: Int?
    /// Largest message that `/echo` takes, bytes.
    public var echoMessageBytes = 32 * 1024 * 1024
    /// Whether `/echo` answers every message with itself, for conformance suites.
    public var isEchoEnabled = false
    /// Topics that one connection may be subscribed to.
    public var subscriptionsPerConnection = Limits.subscriptionsPerConnection
    /// Bytes that may wait for a client's socket; a client with more is a slow consumer and is closed with 4008.
    public var unwrittenBytes = 1024 * 1024
    /// Faulty messages in a row that a connection is forgiven; one more closes it with 4429.
    public var errorsInARow = 100
    /// Publishes of one connection that may wait for their commit; reading stops there.
    public var publishesInFlight = 256
    /// Subscribes of one connection that may wait for their reply; reading stops there.
    public var subscribesInFlight = 64
    /// Silence after which the gateway pings a connection; 0: it never does, and silence alone ends one.
    public var pingInterval: TimeAmount = .seconds(25)
    /// Silence after which it closes the connection with 4009.
    public var idleTimeout: TimeAmount = .seconds(60)
    /// How long a message may take to arrive, from its first byte; then the connection is closed with 4010.
    ///
    /// The largest message passes at 7 KB/s.
    public var messageTimeout: TimeAmount = .seconds(300)
    /// The cookie that may carry a client's token; nil for none.
    public var tokenCookie: String?
    /// How long before its token's end a client is told; half of what is left of it, where that is less.
    public var tokenWarning: TimeAmount = .seconds(60)
    /// How old a connection may become; then it is closed with 4011, and its client comes back.
    ///
    /// Nil: as old as it likes.
    public var maximumAge: TimeAmount?
    /// How long before that a client is told.
    public var ageWarning: TimeAmount = .seconds(30)
    /// How long the gateway waits for a client's close frame before it cuts the connection.
    public var closeTimeout: TimeAmount = .seconds(5)
    /// Records that one resume may bring; what is older is a gap.
    public var resumeRecords = Limits.historyRecords
    /// History is sent in pieces of about so many bytes, the next one when the last has left.
    public var resumeSliceBytes = 64 * 1024
    /// Sockets that a fan-out writes to before its event loop looks at its other work: some hundred microseconds.
    public var visitsPerTurn = 48
    /// Records of a hole that an event loop reads itself; a larger one is caught up on by each subscriber from the log.
    public var holeRecords = 1_000
    /// Bytes of such a hole.
    public var holeBytes = 4 * 1024 * 1024

    /// What is compressed, here and in streams of events.
    public var compression = CompressionConfiguration()

    /// The defaults.
    public init() {}
}

/// What is compressed for clients that ask for it.
public struct CompressionConfiguration: Sendable {
    /// Whether messages of WebSockets may be, both ways (RFC 7692).
    public var isForWebSockets = true
    /// Whether server-sent events may be, with gzip.
    public var isForServerSentEvents = true
    /// What is smaller is sent as it is.
    public var minimumBytes = 1024

    /// The defaults.
    public init() {}
}
