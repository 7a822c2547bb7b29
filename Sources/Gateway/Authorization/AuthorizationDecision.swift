public import SluiceCore

/// An authorizer's answer to one action on one topic.
public enum AuthorizationDecision: Equatable, Sendable {
    /// The client may do it.
    case allow
    /// The client may not; the error is what it is told.
    case deny(APIError)
}
