/// In which field trusted proxies name their clients.
///
/// One, not whichever comes: a proxy passes on what it doesn't know, so that the other would be the client's own word.
public enum ForwardedField: String, CaseIterable, Sendable {
    /// `X-Forwarded-For`, and `X-Forwarded-Proto` for the scheme.
    case xForwardedFor = "x-forwarded-for"
    /// `Forwarded` (RFC 7239).
    case forwarded
}

/// Whether the demo page is served.
public enum DemoPage: String, CaseIterable, Sendable {
    case on
    case off
}
