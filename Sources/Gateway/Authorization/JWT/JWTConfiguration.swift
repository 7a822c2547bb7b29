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
