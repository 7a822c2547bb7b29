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
