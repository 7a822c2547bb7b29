public import Logging

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
