public import SluiceCore

/// Lets everyone do everything.
///
/// On an address that others can reach it must be chosen explicitly.
public struct AllowAllAuthorizer: Authorizer {
    /// Makes one.
    public init() {}

    /// The answer is always the same.
    public var basis: GrantBasis { .nothing }

    /// Grants everything, whatever the request says.
    public func connect(_ request: ConnectRequest) async throws(APIError) -> Grant { .everything }

    /// Allows at once, without looking at the patterns: the hot path of a gateway without authorization.
    public func decideNow(_ action: TopicAction, topic: Topic, grant: Grant) -> AuthorizationDecision? { .allow }
}
