import CryptoExtras
import JWTKit
import SluiceCore

/// Makes tokens from hand-written headers and payloads, also ones that no library would make.
struct SignedTokens {
    let algorithm: any JWTAlgorithm

    init(_ add: (JWTKeyCollection) async -> Void) async throws {
        let keys = JWTKeyCollection()
        await add(keys)
        algorithm = try await keys.getKey()
    }

    static func hmac(_ secret: [UInt8], _ digest: DigestAlgorithm = .sha256) async throws -> SignedTokens {
        try await SignedTokens { await $0.add(hmac: HMACKey(from: secret), digestAlgorithm: digest) }
    }

    static func rsaKey() throws -> JWTKit.Insecure.RSA.PrivateKey {
        try JWTKit.Insecure.RSA.PrivateKey(backing: _RSA.Signing.PrivateKey(keySize: .bits2048))
    }

    /// A token with this payload; `header` defaults to one with the right `alg`.
    func token(_ payload: String, header: String? = nil, kid: String? = nil) throws -> String {
        let identifier = kid.map { #","kid":"\#($0)""# } ?? ""
        let header = header ?? #"{"alg":"\#(algorithm.name)"\#(identifier),"typ":"JWT"}"#
        let signed = SignedTokens.base64URL(Array(header.utf8)) + "." + SignedTokens.base64URL(Array(payload.utf8))
        return signed + "." + SignedTokens.base64URL(try algorithm.sign(Array(signed.utf8)))
    }

    static func base64URL(_ bytes: some Sequence<UInt8>) -> String {
        var output: [UInt8] = []
        Base64.append(Array(bytes), to: &output)
        return String(decoding: output, as: UTF8.self)
            .map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
            .filter { $0 != "=" }
            .reduce(into: "") { $0.append($1) }
    }
}
