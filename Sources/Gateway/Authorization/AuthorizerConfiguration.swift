public import Logging
public import SluiceCore

/// Which authorizer a gateway uses, and how it is set up.
public struct AuthorizerConfiguration: Sendable {
    /// The authorizers that are shipped; the raw values are what `--authorizer` takes.
    public enum Kind: String, CaseIterable, Sendable {
        /// ``AllowAllAuthorizer``.
        case allowAll = "allow-all"
        /// ``JWTAuthorizer``.
        case jwt
        /// ``WebhookAuthorizer``.
        case webhook
    }

    /// Which one.
    public var kind: Kind
    /// Used by ``Kind/jwt``.
    public var jwt = JWTConfiguration()
    /// Used by ``Kind/webhook``.
    public var webhook = WebhookConfiguration()

    /// Chooses an authorizer; its own settings follow.
    public init(kind: Kind = .allowAll) { self.kind = kind }

    /// Makes the authorizer; reads its key files once, so that a wrong path is found at start.
    /// - Throws: ``AuthorizerConfigurationError``, which says what to change.
    public func makeAuthorizer(logger: Logger) async throws(AuthorizerConfigurationError) -> any Authorizer {
        switch kind {
        case .allowAll: AllowAllAuthorizer()
        case .jwt: try await JWTAuthorizer(configuration: jwt, logger: logger)
        case .webhook: try WebhookAuthorizer(configuration: webhook, logger: logger)
        }
    }
}

/// Why an authorizer can't be made from its configuration; the process should end with it rather than start unprotected.
public typealias AuthorizerConfigurationError = CodedError<AuthorizerConfigurationErrorCode>

/// What kind of fault it is.
public enum AuthorizerConfigurationErrorCode: Sendable {
    /// A key file doesn't exist, can't be read or is too large.
    case unreadableFile
    /// A key file holds no key of a kind that is known, or one that is too weak.
    case invalidKey
    /// No key at all is configured.
    case noKeys
    /// The back end's URL is missing or isn't an HTTP URL.
    case invalidURL
    /// A number lies outside what is allowed.
    case invalidLimit
}

/// Where a ``JWTAuthorizer`` finds its keys, and what it asks of a token.
///
/// At least one kind of key must be given.
public struct JWTConfiguration: Sendable {
    /// The secret of HS256, HS384 and HS512 tokens, at least 32 bytes; HS384 needs 48 and HS512 needs 64 (RFC 7518, section 3.2).
    public var secret: [UInt8]?
    /// A file with such a secret; line ends at its end aren't part of it.
    public var secretFile: String?
    /// PEM files with an RSA, P-256, P-384, P-521 or Ed25519 public key, or a certificate with one.
    public var publicKeyFiles: [String] = []
    /// A file with a JSON Web Key Set (RFC 7517); it is read again when it has changed.
    public var jwksFile: String?
    /// Where a JSON Web Key Set is published; `https` unless it is on this machine.
    public var jwksURL: String?
    /// An issuer whose OpenID configuration says where; then also what `iss` must be.
    public var oidcIssuer: String?
    /// What `iss` must be; nil accepts any.
    public var issuer: String?
    /// What `aud` must name; nil accepts any.
    public var audience: String?
    /// How far the clocks of the gateway and of the token's issuer may differ.
    public var leeway: Duration = .seconds(30)
    /// Whether a token without `exp` is refused.
    public var requiresExpiration = false

    /// No keys.
    public init() {}
}

extension JWTConfiguration {
    /// The leeway in the unit of the wall clock.
    var leewayNanoseconds: UInt64 { leeway.wholeNanoseconds }
}

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
