import JWTKit
import SluiceCore

/// The keys of a JSON Web Key Set (RFC 7517) that can verify tokens.
///
/// Others, such as encryption keys, are named and left out (section 5).
struct WebKeySet {
    /// Most keys that are read.
    static let maximumKeys = 1_000

    /// The keys in their order.
    private(set) var keys: [VerificationKey] = []
    /// Whether one of them is a secret, so that the file must be kept from others.
    private(set) var hasSecret = false
    /// Why keys were left out.
    private(set) var leftOut: [String] = []

    /// Reads a set.
    ///
    /// `path`: the file it comes from, for the error.
    /// - Throws: ``AuthorizerConfigurationError`` with code `invalidKey` when it isn't a set or holds no usable key.
    init(_ bytes: [UInt8], path: String) async throws(AuthorizerConfigurationError) {
        let entries: [JSONValue]?
        do throws(JSONError) {
            // Not outside input: the operator's file.
            entries = try JSONValue(bytes)["keys"]?.elements
        } catch {
            throw AuthorizerConfigurationError(.invalidKey, "The key set '\(path)' is not JSON.")
        }
        guard let entries, entries.count <= WebKeySet.maximumKeys else {
            throw AuthorizerConfigurationError(
                .invalidKey,
                "The key set '\(path)' isn't an object whose 'keys' is an array of at most \(WebKeySet.maximumKeys) keys (RFC 7517)."
            )
        }
        for (index, entry) in entries.enumerated() {
            let name = entry["kid"]?.string.map { "'\($0.printable(limit: 80))'" } ?? "number \(index)"
            do {
                if let key = try await WebKeySet.key(entry) {
                    keys.append(key)
                    if entry["kty"]?.byteString == "oct" { hasSecret = true }
                } else {
                    leftOut.append("key \(name) is for no algorithm that verifies tokens here")
                }
            } catch {
                leftOut.append("key \(name) is damaged or too weak")
            }
        }
        guard !keys.isEmpty else {
            throw AuthorizerConfigurationError(
                .invalidKey,
                "The key set '\(path)' holds no key that can verify tokens. Left out: \(leftOut.joined(separator: ", "))."
            )
        }
    }

    private static func key(_ entry: JSONValue) async throws -> VerificationKey? {
        if let use = entry["use"]?.byteString, use != "sig" { return nil }
        let identifier = entry["kid"]?.byteString
        let key: VerificationKey?
        switch entry["kty"]?.byteString {
        case "RSA":
            guard let modulus = entry["n"]?.string, let exponent = entry["e"]?.string else { return nil }
            key = try await .rsa(Insecure.RSA.PublicKey(modulus: modulus, exponent: exponent), identifier: identifier)
        case "EC":
            guard let x = entry["x"]?.string, let y = entry["y"]?.string else { return nil }
            key = try await ellipticKey(entry["crv"]?.byteString, (x, y), identifier)
        case "OKP":
            guard entry["crv"]?.byteString == "Ed25519", let x = entry["x"]?.string else { return nil }
            key = try await .eddsa(EdDSA.PublicKey(x: x, curve: .ed25519), identifier: identifier)
        case "oct":
            guard let secret = entry["k"]?.string.flatMap({ Base64URL.decode($0.utf8) }),
                MisplacedKey(in: secret) == nil
            else { return nil }
            key = try await .secret(secret, identifier: identifier)
        default:
            return nil
        }
        return key?.limited(to: entry["alg"]?.byteString)
    }

    private static func ellipticKey(
        _ curve: ByteString?,
        _ point: ECDSAParameters,
        _ identifier: ByteString?
    ) async throws -> VerificationKey? {
        switch curve {
        case "P-256": try await .ecdsa(ES256PublicKey(parameters: point), identifier: identifier)
        case "P-384": try await .ecdsa(ES384PublicKey(parameters: point), identifier: identifier)
        case "P-521": try await .ecdsa(ES512PublicKey(parameters: point), identifier: identifier)
        default: nil
        }
    }
}
