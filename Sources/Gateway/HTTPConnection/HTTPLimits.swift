public import NIOCore
import SluiceCore

/// What one HTTP connection and request may use.
///
/// Whatever goes beyond is refused with a code of docs/protocol.md.
public struct HTTPLimits: Sendable {
    /// Largest payload of one record, bytes, thus the largest body of `POST /topics/{topic}`.
    public var payloadBytes = Limits.payloadBytes
    /// Largest body of `POST /topics`, bytes.
    public var batchBytes = 8 * Limits.payloadBytes
    /// Bytes that all connections together may hold of requests that aren't authorized yet; more is refused with 503.
    public var unauthenticatedBytes = 64 * 1024 * 1024
    /// Bytes that all clients together may hold of bodies and WebSocket messages that aren't complete; more is refused with 503
    /// or closed with 1013.
    public var unfinishedBytes = 256 * 1024 * 1024
    /// Bytes of large answers that all clients together may leave unread; more is refused with 503.
    public var unsentBytes = 64 * 1024 * 1024
    /// Largest body of a refused request that is read past, so that its connection can go on, bytes.
    public var discardedBytes = 64 * 1024
    /// Largest request head, bytes.
    public var headBytes = 16 * 1024
    /// Most header fields in a request.
    public var headerFields = 100
    /// From accept, or from a request's first byte, to its complete head.
    public var headTimeout: TimeAmount = .seconds(10)
    /// From the head to the complete body.
    public var bodyTimeout: TimeAmount = .seconds(60)
    /// Silence on a kept-alive connection, with no request in progress, until it is closed.
    public var idleTimeout: TimeAmount = .seconds(75)
    /// Requests of one connection that may wait for their answers; reading stops there (RFC 9112, section 9.3.2).
    public var pipelinedRequests = 256

    /// The defaults.
    public init() {}
}
