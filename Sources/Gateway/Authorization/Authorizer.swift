public import Metrics
public import SluiceCore

/// Decides who may connect, and what each client may subscribe and publish to.
///
/// Used from any thread.
///
/// Only ``connect(_:)`` has to be written: the rest follows the grant's patterns. An authorizer that can't decide must throw, for
/// nothing that isn't expressly allowed is allowed.
public protocol Authorizer: Sendable {
    /// What the answer of ``connect(_:)`` follows from.
    ///
    /// The publishes of a connection that are alike in it share a grant, for 30 s at most. By default they must be alike in
    /// everything; an authorizer that looks at less, and says so, is asked less often.
    var basis: GrantBasis { get }

    /// Called when a WebSocket is opened and for HTTP requests; the grant may be kept for the connection until it expires, for requests
    /// that ``basis`` says are alike.
    /// - Throws: `Unauthorized`, `TokenExpired`, `Forbidden` or `AuthorizerUnavailable`.
    func connect(_ request: ConnectRequest) async throws(APIError) -> Grant

    /// Called for an action that ``decideNow(_:topic:grant:)`` left open; returns when it is allowed.
    /// - Throws: `Forbidden`, `TokenExpired` or `AuthorizerUnavailable`.
    func authorize(_ action: TopicAction, topic: Topic, grant: Grant) async throws(APIError)

    /// Called on an event loop for every action: must neither block nor take long. Nil when deciding takes I/O.
    func decideNow(_ action: TopicAction, topic: Topic, grant: Grant) -> AuthorizationDecision?

    /// Why nobody can be let in at the moment, if so; the gateway then isn't ready.
    var fault: String? { get }

    /// Called once, before the gateway listens: where the authorizer's own metrics go, which `/metrics` then shows.
    func measure(with metrics: any MetricsFactory)
}

extension Authorizer {
    /// Nothing is wrong.
    public var fault: String? { nil }

    /// Measures nothing.
    public func measure(with metrics: any MetricsFactory) {}

    /// Everything, for nobody knows what an authorizer looks at that doesn't say so.
    public var basis: GrantBasis { .request }

    /// Asks ``decideNow(_:topic:grant:)``; what that leaves open is forbidden.
    public func authorize(_ action: TopicAction, topic: Topic, grant: Grant) async throws(APIError) {
        switch decideNow(action, topic: topic, grant: grant) {
        case .allow?: return
        case .deny(let error)?: throw error
        case nil: throw .forbidden(action, topic, grant)
        }
    }

    /// Follows the grant's patterns and its end; leaves open what ``Grant/asksFor`` names.
    public func decideNow(_ action: TopicAction, topic: Topic, grant: Grant) -> AuthorizationDecision? {
        if grant.expiresAtWallNanoseconds != nil, grant.hasExpired(atWallNanoseconds: StageClock.wallNanoseconds()) {
            return .deny(.tokenExpired)
        }
        if grant.allows(action, topic) { return .allow }
        return grant.asksFor.contains(action) ? nil : .deny(.forbidden(action, topic, grant))
    }
}

/// An authorizer's answer to one action on one topic.
public enum AuthorizationDecision: Equatable, Sendable {
    /// The client may do it.
    case allow
    /// The client may not; the error is what it is told.
    case deny(APIError)
}

/// What a client wants to do with a topic.
public enum TopicAction: String, CaseIterable, Hashable, Sendable {
    /// Receive the topic's records, live or from its history.
    case subscribe
    /// Append a record to the topic.
    case publish
}

/// What of a request an ``Authorizer``'s answer to a connect follows from, and thus for which other requests of a
/// connection its grant may stand.
public enum GrantBasis: Sendable, Equatable {
    /// Nothing: every request gets the same grant.
    case nothing
    /// ``ConnectRequest/token``.
    case token
    /// The token, the fields of these names (in lower case) and the peer's address.
    case tokenAndFields([String])
    /// Anything that a ``ConnectRequest`` has.
    case request
}

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
