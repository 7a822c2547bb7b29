/// How a ``WebhookAuthorizer`` asks the user's back end.
public struct WebhookConfiguration: Sendable {
    /// Where questions are posted; `https` unless it is on this machine.
    public var url = ""
    /// Sent as `Authorization: Bearer …`, so that the back end knows who asks; nil sends none.
    public var bearerToken: String?
    /// The client's fields that are passed on when it connects, in lower case; the token is passed on in any case.
    public var forwardedHeaders = ["origin", "cookie"]
    /// How long one question may take, answer included.
    public var timeout: Duration = .seconds(2)
    /// How long an answer without `ttlSeconds` is kept.
    public var defaultTTL: Duration = .seconds(10)
    /// The longest that any answer is kept.
    public var maximumTTL: Duration = .seconds(3_600)
    /// The most answers that are kept; the one that wasn't needed for longest goes first.
    public var maximumCachedAnswers = 50_000
    /// The most questions that wait for an answer; more are answered `AuthorizerUnavailable` at once.
    public var maximumOpenQuestions = 16_384
    /// The most connections to the back end.
    public var maximumConnections = 32

    /// No back end.
    public init() {}
}
