import Gateway
import JWTKit
import Logging
import SluiceCore
import TestSupport
import Testing

@Suite("JWTAuthorizer: keys")
struct JWTKeysTests {
    private let logger = Logger(label: "test")

    private func authorizer(_ change: (inout JWTConfiguration) -> Void) async throws -> JWTAuthorizer {
        var configuration = JWTConfiguration()
        change(&configuration)
        return try await JWTAuthorizer(configuration: configuration, logger: logger)
    }

    private func isAccepted(_ token: String, _ authorizer: JWTAuthorizer) async -> Bool {
        (try? await authorizer.connect(ConnectRequest(token: token))) != nil
    }

    @Test("a PEM file of each kind verifies the algorithms of its kind")
    func pem() async throws {
        let rsa = try SignedTokens.rsaKey()
        let (p256, p384, p521) = (ES256PrivateKey(), ES384PrivateKey(), ES512PrivateKey())
        let ed25519 = try EdDSA.PrivateKey()
        let files = try [
            rsa.publicKey.pemRepresentation, p256.publicKey.pemRepresentation, p384.publicKey.pemRepresentation,
            p521.publicKey.pemRepresentation, ed25519.publicKey.pemRepresentation,
        ].map { try ScratchFile($0) }
        let authorizer = try await authorizer { $0.publicKeyFiles = files.map(\.path) }
        var signers = [
            try await SignedTokens { await $0.add(ecdsa: p256) }, try await SignedTokens { await $0.add(ecdsa: p384) },
            try await SignedTokens { await $0.add(ecdsa: p521) },
            try await SignedTokens { await $0.add(eddsa: ed25519) },
        ]
        for digest in [DigestAlgorithm.sha256, .sha384, .sha512] {
            signers.append(try await SignedTokens { await $0.add(rsa: rsa, digestAlgorithm: digest) })
            signers.append(try await SignedTokens { await $0.add(pss: rsa, digestAlgorithm: digest) })
        }
        #expect(
            Set(signers.map(\.algorithm.name))
                == ["ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
        )
        for signer in signers {
            #expect(await isAccepted(try signer.token("{}"), authorizer), "\(signer.algorithm.name)")
        }
        let stranger = try await SignedTokens { await $0.add(ecdsa: ES256PrivateKey()) }
        #expect(await isAccepted(try stranger.token("{}"), authorizer) == false)
    }

    @Test("a public key is never taken for an HMAC secret, and an unsigned token is never accepted")
    func confusion() async throws {
        let rsa = try SignedTokens.rsaKey()
        let pem = rsa.publicKey.pemRepresentation
        let file = try ScratchFile(pem)
        let authorizer = try await authorizer { $0.publicKeyFiles = [file.path] }
        let good = try await SignedTokens { await $0.add(rsa: rsa, digestAlgorithm: .sha256) }
        #expect(await isAccepted(try good.token("{}"), authorizer))
        for secret in [pem, pem + "\n"] {
            let forged = try await SignedTokens.hmac(Array(secret.utf8))
            #expect(await isAccepted(try forged.token("{}"), authorizer) == false)
            #expect(await isAccepted(try forged.token("{}", header: #"{"alg":"RS256"}"#), authorizer) == false)
        }
        let body = SignedTokens.base64URL(#"{"sub":"root"}"#.utf8)
        for algorithm in ["none", "None", "NONE", "", "HS256", "ES256"] {
            let header = SignedTokens.base64URL(#"{"alg":"\#(algorithm)"}"#.utf8)
            #expect(await isAccepted("\(header).\(body).", authorizer) == false, "\(algorithm)")
        }
    }

    @Test("a key set's kid chooses the key, and its alg limits it")
    func keySet() async throws {
        let (first, second) = (ES256PrivateKey(), ES256PrivateKey())
        let rsa = try SignedTokens.rsaKey()
        let secret = Array("0123456789abcdef0123456789abcdef".utf8)
        let file = try ScratchFile(
            try set([
                jwk(first.publicKey, "first"), jwk(second.publicKey, "second"),
                try jwk(rsa.publicKey, "rsa", #","alg":"PS256""#),
                #"{"kty":"oct","kid":"shared","k":"\#(SignedTokens.base64URL(secret))","alg":"HS256"}"#,
                try jwk(rsa.publicKey, "encryption", #","use":"enc""#), #"{"kty":"new","kid":"unknown"}"#,
                #"{"kty":"EC","kid":"broken"}"#,
            ])
        )
        let authorizer = try await authorizer { $0.jwksFile = file.path }
        let (one, two) = (
            try await SignedTokens { await $0.add(ecdsa: first) },
            try await SignedTokens { await $0.add(ecdsa: second) }
        )
        let rs = try await SignedTokens { await $0.add(rsa: rsa, digestAlgorithm: .sha256) }
        let ps = try await SignedTokens { await $0.add(pss: rsa, digestAlgorithm: .sha256) }
        let hs = try await SignedTokens.hmac(secret)
        #expect(await isAccepted(try one.token("{}", kid: "first"), authorizer))
        #expect(await isAccepted(try two.token("{}", kid: "second"), authorizer))
        #expect(await isAccepted(try two.token("{}"), authorizer), "without kid every key of the algorithm is tried")
        #expect(await isAccepted(try one.token("{}", kid: "second"), authorizer) == false)
        #expect(await isAccepted(try one.token("{}", kid: "third"), authorizer) == false)
        #expect(await isAccepted(try ps.token("{}", kid: "rsa"), authorizer))
        #expect(await isAccepted(try rs.token("{}", kid: "rsa"), authorizer) == false)
        #expect(await isAccepted(try rs.token("{}", kid: "encryption"), authorizer) == false)
        #expect(await isAccepted(try hs.token("{}", kid: "shared"), authorizer))
        #expect(await isAccepted(try hs.token("{}", kid: "first"), authorizer) == false)
    }

    @Test("the example tokens of RFC 7515 are accepted with the keys that stand there, until they expire")
    func examples() async throws {
        let payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        // Appendices A.1 and A.3.
        let tokens = [
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\(payload).dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "eyJhbGciOiJFUzI1NiJ9.\(payload)."
                + "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ]
        let file = try ScratchFile(
            try set([
                #"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
                #"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#
                    + #""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
            ])
        )
        var configuration = JWTConfiguration()
        configuration.jwksFile = file.path
        configuration.issuer = "joe"
        for (seconds, isExpected) in [(1_300_819_379, true), (1_300_819_410, false)] as [(UInt64, Bool)] {
            let authorizer = try await JWTAuthorizer(configuration: configuration, logger: logger) {
                seconds * 1_000_000_000
            }
            for token in tokens { #expect(await isAccepted(token, authorizer) == isExpected) }
        }
    }

    @Test("a changed key set is read again; a damaged one leaves the keys as they were")
    func rotation() async throws {
        let (old, new) = (ES256PrivateKey(), try EdDSA.PrivateKey())
        let file = try ScratchFile(try set([jwk(old.publicKey, "old")]))
        let authorizer = try await authorizer { $0.jwksFile = file.path }
        let oldToken = try await SignedTokens { await $0.add(ecdsa: old) }.token("{}", kid: "old")
        let newToken = try await SignedTokens { await $0.add(eddsa: new) }.token("{}", kid: "new")
        #expect(await isAccepted(oldToken, authorizer))
        #expect(await isAccepted(newToken, authorizer) == false)
        try file.write(try set([jwk(new.publicKey, "new")]))
        #expect(await isAccepted(newToken, authorizer))
        #expect(await isAccepted(oldToken, authorizer) == false)
        try file.write("{")
        #expect(await isAccepted(newToken, authorizer))
        try file.write(try set([jwk(old.publicKey, "old")]))
        #expect(await isAccepted(oldToken, authorizer))
    }

    @Test("a secret file's line end isn't part of the secret")
    func secretFile() async throws {
        let secret = "0123456789abcdef0123456789abcdef"
        let file = try ScratchFile(secret + "\r\n")
        let authorizer = try await authorizer { $0.secretFile = file.path }
        #expect(await isAccepted(try await SignedTokens.hmac(Array(secret.utf8)).token("{}"), authorizer))
    }

    @Test("what can't be used is named at start")
    func configuration() async throws {
        func code(_ change: (inout JWTConfiguration) -> Void) async -> AuthorizerConfigurationError.Code? {
            do {
                _ = try await authorizer(change)
                return nil
            } catch {
                return (error as? AuthorizerConfigurationError)?.code
            }
        }
        let rsa = try SignedTokens.rsaKey()
        let files = try [rsa.pemRepresentation, "not a key", "{}", #"{"keys":[]}"#, "short\n"].map {
            try ScratchFile($0)
        }
        #expect(await code { _ in } == .noKeys)
        #expect(await code { $0.publicKeyFiles = ["/no/such/file"] } == .unreadableFile)
        #expect(await code { $0.publicKeyFiles = ["/"] } == .unreadableFile)
        #expect(await code { $0.publicKeyFiles = ["/dev/zero"] } == .unreadableFile)
        #expect(await code { $0.publicKeyFiles = [files[0].path] } == .invalidKey)
        #expect(await code { $0.publicKeyFiles = [files[1].path] } == .invalidKey)
        #expect(await code { $0.jwksFile = files[1].path } == .invalidKey)
        #expect(await code { $0.jwksFile = files[2].path } == .invalidKey)
        #expect(await code { $0.jwksFile = files[3].path } == .invalidKey)
        #expect(await code { $0.jwksFile = "/no/such/file" } == .unreadableFile)
        #expect(await code { $0.secretFile = files[4].path } == .invalidKey)
        #expect(
            await code {
                $0.secret = Array(repeating: 7, count: 32)
                $0.leeway = .seconds(-1)
            } == .invalidLimit
        )
    }

    @Test("a key of another kind is no secret, whether as PEM, as SSH writes it, as JSON or as DER")
    func misplacedKeys() async throws {
        let pem = try SignedTokens.rsaKey().publicKey.pemRepresentation
        let base64 = pem.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
        let der = try #require(Base64.decode(base64.utf8))
        var encoded: [UInt8] = []
        Base64.append(Array(pem.utf8), to: &encoded)
        let misplaced: [[UInt8]] =
            [
                pem, "\u{FEFF}\n" + pem, "# a comment\n" + pem, pem.lowercased(), base64,
                "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDJ user@example",
                #"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM","e":"AQAB"}"#,
                #"[{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM","e":"AQAB"}]"#,
                #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
            ].map { Array($0.utf8) } + [der, encoded]
        for secret in misplaced {
            let error = await #expect(throws: AuthorizerConfigurationError.self) {
                try await authorizer { $0.secret = secret }
            }
            #expect(error?.code == .invalidKey)
            #expect(error?.message.contains("--jwt-public-key-files") == true)
        }
        let file = try ScratchFile(pem)
        await #expect(throws: AuthorizerConfigurationError.self) { try await authorizer { $0.secretFile = file.path } }
        let set = try ScratchFile(#"{"keys":[{"kty":"oct","k":"\#(SignedTokens.base64URL(Array(pem.utf8)))"}]}"#)
        await #expect(throws: AuthorizerConfigurationError.self) { try await authorizer { $0.jwksFile = set.path } }
        // What a secret may begin with.
        for text in ["MIIB", "{secret}", "30"] {
            let secret = Array((text + String(repeating: "x", count: 40)).utf8)
            _ = try await authorizer { $0.secret = secret }
        }
    }

    private func set(_ keys: [String]) throws -> String { #"{"keys":[\#(keys.joined(separator: ","))]}"# }

    private func jwk(_ key: ES256PublicKey, _ kid: String) -> String {
        // JWTKit hands the coordinates out in plain base64; a key set has base64url.
        func url(_ text: String) -> String { SignedTokens.base64URL(Base64.decode(text.utf8) ?? []) }
        let point = key.parameters ?? ("", "")
        return #"{"kty":"EC","crv":"P-256","kid":"\#(kid)","x":"\#(url(point.x))","y":"\#(url(point.y))"}"#
    }

    private func jwk(_ key: EdDSA.PublicKey, _ kid: String) -> String {
        #"{"kty":"OKP","crv":"Ed25519","kid":"\#(kid)","x":"\#(SignedTokens.base64URL(key.rawRepresentation))"}"#
    }

    private func jwk(_ key: JWTKit.Insecure.RSA.PublicKey, _ kid: String, _ more: String) throws -> String {
        let (modulus, exponent) = try key.getKeyPrimitives()
        let (n, e) = (SignedTokens.base64URL(modulus), SignedTokens.base64URL(exponent))
        return #"{"kty":"RSA","kid":"\#(kid)","n":"\#(n)","e":"\#(e)"\#(more)}"#
    }
}
