import JWTKit
public import Logging
public import Metrics
public import SluiceCore

/// Lets in who has a signed token (JWT, RFC 7519); the token's own claim says which topics it is for.
///
///     {"sub":"alice","exp":1767225600,"sluice":{"subscribe":["orders/#"],"publish":["orders/+/comments"]}}
///
/// A token without the claim `sluice` connects and may do nothing.
public final class JWTAuthorizer: Authorizer {
    /// Most keys that are tried for one token, so that a token can't ask for much work.
    static let maximumKeysTried = 16

    private let configuration: JWTConfiguration
    private let fixedKeys: [VerificationKey]
    private let keySet: WebKeySetFile?
    private let issuer: IssuerKeys?
    private let wallNanoseconds: @Sendable () -> UInt64

    /// Reads the keys.
    /// - Parameters:
    ///   - configuration: where the keys are and what is asked of a token.
    ///   - logger: told about keys that can't be used and when the key set changes.
    ///   - wallNanoseconds: the clock for `exp` and `nbf`, nanoseconds since 1970.
    /// - Throws: ``AuthorizerConfigurationError``.
    public init(
        configuration: JWTConfiguration,
        logger: Logger,
        wallNanoseconds: @escaping @Sendable () -> UInt64 = { StageClock.wallNanoseconds() }
    ) async throws(AuthorizerConfigurationError) {
        var configuration = configuration
        if let issuer = configuration.oidcIssuer {
            guard configuration.issuer == nil || configuration.issuer.map({ ByteString($0) }) == ByteString(issuer)
            else {
                throw AuthorizerConfigurationError(
                    .noKeys,
                    "The issuer of tokens and the one whose keys are read are not the same."
                )
            }
            configuration.issuer = issuer
        }
        self.configuration = configuration
        self.wallNanoseconds = wallNanoseconds
        guard configuration.leeway >= .zero, configuration.leeway <= .seconds(3_600) else {
            throw AuthorizerConfigurationError(
                .invalidLimit,
                "The leeway of \(configuration.leeway) is not between 0 and one hour."
            )
        }
        fixedKeys = try await JWTAuthorizer.fixedKeys(configuration, logger)
        if let path = configuration.jwksFile {
            keySet = try await WebKeySetFile(path: path, logger: logger)
        } else {
            keySet = nil
        }
        issuer = try JWTAuthorizer.issuer(configuration, logger)
        guard !fixedKeys.isEmpty || keySet != nil || issuer != nil else {
            throw AuthorizerConfigurationError(
                .noKeys,
                "The JWT authorizer has no key. Give it a secret, a public key in PEM or a JSON Web Key Set."
            )
        }
        await issuer?.begin()
    }

    private static func issuer(
        _ configuration: JWTConfiguration,
        _ logger: Logger
    ) throws(AuthorizerConfigurationError) -> IssuerKeys? {
        switch (configuration.jwksURL, configuration.oidcIssuer) {
        case (nil, nil): return nil
        case (let url?, nil):
            try KeySource.check(url, "The key set's URL")
            return IssuerKeys(.keySet(url: url), logger: logger)
        case (nil, let issuer?):
            try KeySource.check(issuer, "The issuer")
            return IssuerKeys(.issuer(issuer), logger: logger)
        case (.some, .some):
            throw AuthorizerConfigurationError(
                .noKeys,
                "A key set's URL and an issuer whose configuration names one are both given: leave one out."
            )
        }
    }

    /// Says that no token can be verified while the issuer's keys were never read, and there are no others.
    public var fault: String? { fixedKeys.isEmpty && keySet == nil ? issuer?.fault : nil }

    /// Counts fetches of keys.
    public func measure(with metrics: any MetricsFactory) { issuer?.measure(with: metrics) }

    /// The token alone decides.
    public var basis: GrantBasis { .token }

    /// Verifies the token's signature and times.
    public func connect(_ request: ConnectRequest) async throws(APIError) -> Grant {
        guard let text = request.token else { throw .tokenMissing }
        let token = try CompactToken(text)
        try await verify(token)
        let claims = try TokenClaims(token.payload)
        try claims.check(configuration, atWallNanoseconds: wallNanoseconds())
        return Grant(
            principal: claims.subject?.string,
            expiresAtWallNanoseconds: claims.expiresAtNanoseconds?.saturatingAdd(configuration.leewayNanoseconds),
            subscribe: claims.subscribe,
            publish: claims.publish
        )
    }

    /// Follows the token's patterns and its end, without I/O.
    public func decideNow(_ action: TopicAction, topic: Topic, grant: Grant) -> AuthorizationDecision? {
        if grant.expiresAtWallNanoseconds != nil, grant.hasExpired(atWallNanoseconds: wallNanoseconds()) {
            return .deny(.tokenExpired)
        }
        return grant.allows(action, topic) ? .allow : .deny(.forbidden(action, topic, grant))
    }

    private func verify(_ token: CompactToken) async throws(APIError) {
        var keys = fixedKeys
        if let keySet { keys += await keySet.keys() }
        if let issuer { keys += try await issuer.keys(for: token) }
        let candidates = JWTAuthorizer.candidates(for: token, among: keys)
        guard !candidates.isEmpty else {
            throw .invalidToken(
                "there is no key for its algorithm '\(token.algorithm.string.printable(limit: 20))'"
                    + (token.keyIdentifier.map { " and key id '\($0.string.printable(limit: 80))'" } ?? "")
            )
        }
        // A malformed signature makes some algorithms throw and others return false; either way this key doesn't fit.
        let isVerified = candidates.contains { (try? $0.verify(token.signature, signs: token.signed)) == true }
        guard isVerified else { throw .invalidToken("its signature is wrong") }
    }

    /// The keys that the token's `kid` names; those without a name when it names none of them, or has no `kid` at all.
    ///
    /// Of these the ones that are for its algorithm.
    static func candidates(for token: CompactToken, among keys: [VerificationKey]) -> [any JWTAlgorithm] {
        var pool = keys
        if let identifier = token.keyIdentifier {
            pool = keys.filter { $0.identifier == identifier }
            if pool.isEmpty { pool = keys.filter { $0.identifier == nil } }
        }
        return Array(pool.compactMap { $0.algorithms[token.algorithm] }.prefix(maximumKeysTried))
    }

    private static func fixedKeys(
        _ configuration: JWTConfiguration,
        _ logger: Logger
    ) async throws(AuthorizerConfigurationError) -> [VerificationKey] {
        var keys: [VerificationKey] = []
        if let secret = configuration.secret { keys.append(try await secretKey(secret, "The secret")) }
        if let path = configuration.secretFile {
            let file = KeyFile(path: path)
            var secret = try file.read()
            while let last = secret.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") {
                secret.removeLast()
            }
            keys.append(try await secretKey(secret, "The secret in '\(path)'"))
            if file.isWorldReadable { logger.warnOfReadableSecret("the token secret", path: path) }
        }
        for path in configuration.publicKeyFiles {
            keys.append(
                try await PublicKeyPEM.key(String(decoding: try KeyFile(path: path).read(), as: UTF8.self), path: path)
            )
        }
        return keys
    }

    private static func secretKey(
        _ secret: [UInt8],
        _ name: String
    ) async throws(AuthorizerConfigurationError) -> VerificationKey {
        if let other = MisplacedKey(in: secret) {
            throw AuthorizerConfigurationError(
                .invalidKey,
                """
                \(name) is \(other.rawValue), not a secret: whoever has it could sign tokens. Give a public key to the setting for public \
                key files (--jwt-public-key-files) or key sets (--jwks-file); make a secret with 'openssl rand -base64 48'.
                """
            )
        }
        if let key = try? await VerificationKey.secret(secret) { return key }
        throw AuthorizerConfigurationError(
            .invalidKey,
            "\(name) has \(secret.count) bytes; HS256 needs at least 32. Make one with 'openssl rand -base64 48'."
        )
    }
}
