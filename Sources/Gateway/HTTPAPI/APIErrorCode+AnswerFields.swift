import SluiceCore

extension APIErrorCode {
    /// The header fields that RFC 9110 and RFC 6455 want beside the status.
    var answerFields: [(name: String, value: String)] {
        if let seconds = retryAfterSeconds { return [("retry-after", String(seconds))] }
        switch self {
        case .unauthorized, .tokenExpired: return [("www-authenticate", "Bearer")]
        case .upgradeRequired: return [("upgrade", "websocket"), ("sec-websocket-version", "13")]
        default: return []
        }
    }
}
