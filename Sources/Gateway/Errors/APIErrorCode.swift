import SluiceCore

/// Every error that a client can be told, with its HTTP status.
///
/// The names are part of the protocol and stand in docs/protocol.md.
public enum APIErrorCode: String, CaseIterable, Sendable, CustomStringConvertible {
    /// The body or message isn't JSON (RFC 8259).
    case invalidJSON = "InvalidJSON"
    /// The JSON isn't what the operation takes: a member is missing or of the wrong type.
    case invalidRequest = "InvalidRequest"
    /// The message's `action` isn't known.
    case unknownAction = "UnknownAction"
    /// The topic breaks a rule of docs/protocol.md.
    case invalidTopic = "InvalidTopic"
    /// The payload, body or frame is larger than the limit.
    case payloadTooLarge = "PayloadTooLarge"
    /// The connection would have more subscriptions than the limit.
    case tooManySubscriptions = "TooManySubscriptions"
    /// The client, its address, or all clients together have as many connections as they may have, or connect too often.
    case tooManyConnections = "TooManyConnections"
    /// The client sends or publishes more than it may.
    case tooManyRequests = "TooManyRequests"
    /// No token, or one that isn't valid.
    case unauthorized = "Unauthorized"
    /// The token's time is over.
    case tokenExpired = "TokenExpired"
    /// The rules don't allow this topic or this connect.
    case forbidden = "Forbidden"
    /// The page's origin isn't one of those that may use the gateway.
    case forbiddenOrigin = "ForbiddenOrigin"
    /// The client's back end, which decides, didn't answer; nothing is allowed until it does.
    case authorizerUnavailable = "AuthorizerUnavailable"
    /// There is no such route, item or record.
    case notFound = "NotFound"
    /// The route exists, not with this method.
    case methodNotAllowed = "MethodNotAllowed"
    /// `/ws` was asked for without a WebSocket upgrade, or with a version other than 13 (RFC 6455, section 4.4).
    case upgradeRequired = "UpgradeRequired"
    /// None of the offered WebSocket subprotocols is spoken here.
    case unsupportedSubprotocol = "UnsupportedSubprotocol"
    /// Records take all the room that there is for them: nothing was stored, try again later.
    case queueFull = "QueueFull"
    /// Items take all the room that there is for them, or for the client's: nothing was stored, delete some first.
    case storageQuotaExceeded = "StorageQuotaExceeded"
    /// The topic is new and there may not be another, or not yet; known topics go on.
    case tooManyTopics = "TooManyTopics"
    /// Too much waits, for the log or to be complete: nothing was stored, try again later.
    case overloaded = "Overloaded"
    /// The process is draining; connect elsewhere.
    case shuttingDown = "ShuttingDown"
    /// The request names a host that isn't this gateway's (RFC 9110, section 15.5.20).
    case misdirectedRequest = "MisdirectedRequest"
    /// The request didn't arrive in time.
    case requestTimeout = "RequestTimeout"
    /// The disk or the log failed; nothing was stored.
    case storageFailed = "StorageFailed"
    /// A fault of ours.
    case internalError = "InternalError"

    /// The name that clients read.
    public var description: String { rawValue }

    /// The status of an HTTP answer with this error (RFC 9110, section 15).
    public var httpStatus: Int {
        switch self {
        case .invalidJSON, .invalidRequest, .unknownAction, .invalidTopic, .unsupportedSubprotocol: 400
        case .unauthorized, .tokenExpired: 401
        case .forbidden, .forbiddenOrigin: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .requestTimeout: 408
        case .payloadTooLarge: 413
        case .misdirectedRequest: 421
        case .upgradeRequired: 426
        case .tooManySubscriptions, .tooManyTopics, .tooManyConnections, .tooManyRequests: 429
        case .storageFailed, .internalError: 500
        case .authorizerUnavailable, .queueFull, .overloaded, .shuttingDown: 503
        // RFC 4918, section 11.5: not to be repeated by a program of itself.
        case .storageQuotaExceeded: 507
        }
    }

    /// Seconds for `Retry-After`, where trying again makes sense.
    public var retryAfterSeconds: Int? {
        switch self {
        case .queueFull: 5
        case .tooManyTopics, .tooManyConnections: 10
        case .overloaded, .shuttingDown, .authorizerUnavailable, .tooManyRequests: 1
        default: nil
        }
    }
}

extension CodedError where Code == APIErrorCode {
    /// Seconds for `Retry-After`, where trying again makes sense.
    var retryAfterSeconds: Int? { retryAfterMilliseconds.map { max(1, ($0 + 999) / 1_000) } ?? code.retryAfterSeconds }

    /// The header fields that RFC 9110 and RFC 6455 want beside the status.
    var answerFields: [(name: String, value: String)] {
        if let seconds = retryAfterSeconds { return [("retry-after", String(seconds))] }
        switch code {
        case .unauthorized, .tokenExpired: return [("www-authenticate", "Bearer")]
        case .upgradeRequired: return [("upgrade", "websocket"), ("sec-websocket-version", "13")]
        default: return []
        }
    }
}
