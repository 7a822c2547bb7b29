/// How a ``WebhookAuthorizer`` asks the user's back end.
public struct WebhookConfiguration: Sendable {
    /// Where questions are posted; `https` unless it is on this machine.
    public var url = ""
    /// Sent as `Authorization: Bearer …`, so that the back end knows who asks; nil sends none.
    public var bearerToken: String?
    /// The client's fields that are passed on when it connects; the token is passed on in any case.
    public var forwardedHeaders = ["origin", "cookie"]
    /// How long a question may wait for its turn, and then how long it may take, answer included.
    public var timeout: Duration = .seconds(2)
    /// How long an answer without `ttlSeconds` is kept.
    public var defaultTTL: Duration = .seconds(10)
    /// The longest that any answer is kept.
    public var maximumTTL: Duration = .seconds(3_600)
    /// The longest that a refusal is kept: long enough that a client that tries again at once isn't asked about again.
    public var maximumRefusalTTL: Duration = .seconds(10)
    /// What kept answers may take, bytes, an eighth of it for refusals; the one that wasn't needed for longest goes first.
    public var maximumCacheBytes = 32 * 1024 * 1024
    /// The most questions that wait for their turn, in number and bytes.
    ///
    /// Beyond that the address with most of them loses its oldest, which is answered `AuthorizerUnavailable`.
    public var maximumOpenQuestions = 16_384
    /// See ``maximumOpenQuestions``.
    public var maximumOpenBytes = 16 * 1024 * 1024
    /// The most connections to the back end, each for one question at a time.
    public var maximumConnections = 32

    /// No back end.
    public init() {}
}
