import JWTKit
import SluiceCore

/// A configured key and the algorithms that it may be used with.
///
/// A token's `alg` only chooses among these, so that a public key can never be taken for an HMAC secret, and `none` for
/// nothing (RFC 8725, section 3.1).
struct VerificationKey: Sendable {
    /// The key's `kid`; nil for a secret or a PEM file.
    let identifier: ByteString?
    /// By the algorithm's name as it stands in `alg`.
    let algorithms: [ByteString: any JWTAlgorithm]

    private init(_ identifier: ByteString?, _ algorithms: [any JWTAlgorithm]) {
        self.identifier = identifier
        self.algorithms = Dictionary(algorithms.map { (ByteString($0.name), $0) }) { first, _ in first }
    }

    /// A key that may only be used with one of its algorithms, as a JWK's `alg` says.
    func limited(to algorithm: ByteString?) -> VerificationKey? {
        guard let algorithm else { return self }
        guard let only = algorithms[algorithm] else { return nil }
        return VerificationKey(identifier, [only])
    }

    /// The key of the HS algorithms for which `secret` is long enough; nil when it is for none (RFC 7518, section 3.2).
    static func secret(_ secret: [UInt8], identifier: ByteString? = nil) async throws -> VerificationKey? {
        guard secret.count >= 32 else { return nil }
        let key = HMACKey(from: secret)
        var algorithms = [try await made { await $0.add(hmac: key, digestAlgorithm: .sha256) }]
        if secret.count >= 48 {
            algorithms.append(try await made { await $0.add(hmac: key, digestAlgorithm: .sha384) })
        }
        if secret.count >= 64 {
            algorithms.append(try await made { await $0.add(hmac: key, digestAlgorithm: .sha512) })
        }
        return VerificationKey(identifier, algorithms)
    }

    static func rsa(_ key: Insecure.RSA.PublicKey, identifier: ByteString? = nil) async throws -> VerificationKey {
        var algorithms: [any JWTAlgorithm] = []
        for digest in [DigestAlgorithm.sha256, .sha384, .sha512] {
            algorithms.append(try await made { await $0.add(rsa: key, digestAlgorithm: digest) })
            algorithms.append(try await made { await $0.add(pss: key, digestAlgorithm: digest) })
        }
        return VerificationKey(identifier, algorithms)
    }

    static func ecdsa(_ key: some ECDSAKey, identifier: ByteString? = nil) async throws -> VerificationKey {
        VerificationKey(identifier, [try await made { await $0.add(ecdsa: key) }])
    }

    static func eddsa(_ key: EdDSA.PublicKey, identifier: ByteString? = nil) async throws -> VerificationKey {
        VerificationKey(identifier, [try await made { await $0.add(eddsa: key) }])
    }

    /// JWTKit hands out an algorithm only through a collection of keys; one of a single key can't choose another one.
    private static func made(_ add: (JWTKeyCollection) async -> Void) async throws -> any JWTAlgorithm {
        let keys = JWTKeyCollection()
        await add(keys)
        return try await keys.getKey()
    }
}

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
