import JWTKit
import SluiceCore

/// Reads a public key, or the one of a certificate, of whatever kind, from PEM (RFC 7468).
enum PublicKeyPEM {
    /// The key in `text`.
    ///
    /// `path`: the file it comes from, for the error.
    /// - Throws: ``AuthorizerConfigurationError`` with code `invalidKey`.
    static func key(_ text: String, path: String) async throws(AuthorizerConfigurationError) -> VerificationKey {
        if text.contains("PRIVATE KEY-----") {
            throw AuthorizerConfigurationError(
                .invalidKey,
                "The key file '\(path)' holds a private key. The gateway only verifies tokens: give it the public key."
            )
        }
        do {
            if let key = try await text.contains("BEGIN CERTIFICATE") ? certificate(text) : publicKey(text) {
                return key
            }
        } catch {
            // The kinds are tried in turn; which of their complaints fits can't be known.
        }
        throw AuthorizerConfigurationError(
            .invalidKey,
            "The key file '\(path)' holds no public key in PEM: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519."
        )
    }

    private static func publicKey(_ text: String) async throws -> VerificationKey? {
        if let key = try? Insecure.RSA.PublicKey(pem: text) { return try await .rsa(key) }
        if let key = try? ES256PublicKey(pem: text) { return try await .ecdsa(key) }
        if let key = try? ES384PublicKey(pem: text) { return try await .ecdsa(key) }
        if let key = try? ES512PublicKey(pem: text) { return try await .ecdsa(key) }
        if let key = try? EdDSA.PublicKey(pem: text) { return try await .eddsa(key) }
        return nil
    }

    private static func certificate(_ text: String) async throws -> VerificationKey? {
        if let key = try? Insecure.RSA.PublicKey(certificatePEM: text) { return try await .rsa(key) }
        if let key = try? ES256PublicKey(certificate: text) { return try await .ecdsa(key) }
        if let key = try? ES384PublicKey(certificate: text) { return try await .ecdsa(key) }
        if let key = try? ES512PublicKey(certificate: text) { return try await .ecdsa(key) }
        return nil
    }
}
