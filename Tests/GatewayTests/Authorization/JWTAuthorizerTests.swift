import Gateway
import JWTKit
import Logging
import SluiceCore
import Testing

@Suite("JWTAuthorizer")
struct JWTAuthorizerTests {
    private static let secret = Array("0123456789abcdef0123456789abcdef".utf8)
    private static let now: UInt64 = 1_800_000_000
    private let logger = Logger(label: "test")

    private func authorizer(_ change: (inout JWTConfiguration) -> Void = { _ in }) async throws -> JWTAuthorizer {
        var configuration = JWTConfiguration()
        configuration.secret = JWTAuthorizerTests.secret
        change(&configuration)
        return try await JWTAuthorizer(configuration: configuration, logger: logger) {
            JWTAuthorizerTests.now * 1_000_000_000
        }
    }

    private func code(of token: String?, _ authorizer: JWTAuthorizer) async -> APIErrorCode? {
        do throws(APIError) {
            _ = try await authorizer.connect(ConnectRequest(token: token))
            return nil
        } catch {
            return error.code
        }
    }

    @Test("a token grants the patterns of its claim to its subject until it expires")
    func grant() async throws {
        let tokens = try await SignedTokens.hmac(JWTAuthorizerTests.secret)
        let token = try tokens.token(
            #"{"sub":"alice","exp":1800000060,"sluice":{"subscribe":["orders/#","news"],"publish":["orders/+/notes"]}}"#
        )
        let authorizer = try await authorizer()
        let grant = try await authorizer.connect(ConnectRequest(token: token))
        #expect(grant.principal == "alice")
        #expect(grant.expiresAtWallNanoseconds == 1_800_000_090_000_000_000)
        #expect(grant.token == nil)
        #expect(authorizer.decideNow(.subscribe, topic: try Topic("orders/1/x"), grant: grant) == .allow)
        #expect(authorizer.decideNow(.publish, topic: try Topic("orders/1/notes"), grant: grant) == .allow)
        let denied = authorizer.decideNow(.publish, topic: try Topic("orders/1"), grant: grant)
        #expect(denied == .deny(APIError(.forbidden, "'alice' may not publish to the topic 'orders/1'.")))
        await #expect(throws: APIError.self) {
            try await authorizer.authorize(.publish, topic: try Topic("news"), grant: grant)
        }
        try await authorizer.authorize(.subscribe, topic: try Topic("news"), grant: grant)
    }

    @Test(
        "a token without the claim connects and may do nothing",
        arguments: ["{}", #"{"sluice":{}}"#, #"{"sluice":{"publish":[]}}"#]
    )
    func nothing(payload: String) async throws {
        let authorizer = try await authorizer()
        let token = try await SignedTokens.hmac(JWTAuthorizerTests.secret).token(payload)
        let grant = try await authorizer.connect(ConnectRequest(token: token))
        for action in TopicAction.allCases {
            guard case .deny(let error)? = authorizer.decideNow(action, topic: try Topic("a"), grant: grant) else {
                Issue.record("\(action) is allowed")
                continue
            }
            #expect(error.code == .forbidden)
        }
    }

    @Test(
        "times count with 30 seconds of leeway",
        arguments: [
            (#"{"exp":1800000001}"#, nil), (#"{"exp":1799999971}"#, nil), (#"{"exp":1799999970.5}"#, nil),
            (#"{"exp":1799999970}"#, APIErrorCode.tokenExpired), (#"{"exp":0}"#, .tokenExpired),
            (#"{"exp":1e300}"#, nil),
            (#"{"nbf":1800000030}"#, nil), (#"{"nbf":1800000031}"#, .unauthorized), (#"{"exp":-5}"#, .unauthorized),
        ] as [(String, APIErrorCode?)]
    )
    func times(payload: String, expected: APIErrorCode?) async throws {
        let token = try await SignedTokens.hmac(JWTAuthorizerTests.secret).token(payload)
        #expect(await code(of: token, try authorizer()) == expected)
    }

    @Test("a grant that has ended denies with TokenExpired")
    func ended() async throws {
        let grant = Grant(expiresAtWallNanoseconds: 1_799_999_999_000_000_000, subscribe: [.everything])
        #expect(
            try await authorizer().decideNow(.subscribe, topic: try Topic("a"), grant: grant)
                == .deny(APIError(.tokenExpired, "The token's time is over. Get a new one and connect again."))
        )
    }

    @Test("an expiry, an issuer and an audience can be asked for")
    func required() async throws {
        let tokens = try await SignedTokens.hmac(JWTAuthorizerTests.secret)
        let authorizer = try await authorizer {
            $0.requiresExpiration = true
            $0.issuer = "https://id.example"
            $0.audience = "sluice"
        }
        let good = #"{"exp":1800000060,"iss":"https://id.example","aud":["x","sluice"]}"#
        #expect(await code(of: try tokens.token(good), authorizer) == nil)
        for bad in [
            #"{"iss":"https://id.example","aud":"sluice"}"#, #"{"exp":1800000060,"aud":"sluice"}"#,
            #"{"exp":1800000060,"iss":"https://evil.example","aud":"sluice"}"#,
            #"{"exp":1800000060,"iss":"https://id.example"}"#,
            #"{"exp":1800000060,"iss":"https://id.example","aud":[]}"#,
            #"{"exp":1800000060,"iss":"https://id.example","aud":"x"}"#,
        ] {
            #expect(await code(of: try tokens.token(bad), authorizer) == .unauthorized, "\(bad)")
        }
    }

    @Test(
        "a claim of the wrong type, or a subject beyond the limit, makes the token invalid",
        arguments: [
            #"{"exp":"1800000060"}"#, #"{"exp":null}"#, #"{"nbf":true}"#, #"{"sub":7}"#, #"{"aud":7}"#,
            #"{"aud":[5,"api"]}"#, #"{"aud":["api",null]}"#,
            #"{"sub":"\ud800"}"#, #"{"sluice":{"subscribe":["u/\ud800/#"]}}"#,
            #"{"sluice":[]}"#, #"{"sub":"\#(String(repeating: "a", count: 256))"}"#,
            #"{"sluice":{"subscribe":"a"}}"#, #"{"sluice":{"subscribe":[1]}}"#, #"{"sluice":{"publish":["a#"]}}"#, "[]",
            "7", "{",
        ]
    )
    func wrongClaims(payload: String) async throws {
        let token = try await SignedTokens.hmac(JWTAuthorizerTests.secret).token(payload)
        #expect(await code(of: token, try authorizer()) == .unauthorized)
    }

    @Test("a missing, malformed or oversize token is unauthorized")
    func malformed() async throws {
        let authorizer = try await authorizer()
        let tokens = try await SignedTokens.hmac(JWTAuthorizerTests.secret)
        let good = try tokens.token("{}")
        #expect(await code(of: good, authorizer) == nil)
        let long = try tokens.token(#"{"x":"\#(String(repeating: "x", count: 20_000))"}"#)
        for bad in [
            nil, "", "a", "a.b", "..", good + ".", good + "A", good + "=", "é.é.é", String(good.dropLast(2)), long,
        ] {
            #expect(await code(of: bad, authorizer) == .unauthorized, "\(bad ?? "nil")")
        }
        for header in ["[]", "{}", #"{"alg":7}"#, #"{"alg":"HS256","crit":["exp"]}"#, #"{"alg":"HS256","kid":7}"#] {
            #expect(await code(of: try tokens.token("{}", header: header), authorizer) == .unauthorized, "\(header)")
        }
    }

    @Test("a secret that is too short for an algorithm isn't used with it")
    func secretLength() async throws {
        let short = JWTAuthorizerTests.secret
        let long = short + short
        for (digest, name) in [(DigestAlgorithm.sha256, "HS256"), (.sha384, "HS384"), (.sha512, "HS512")] {
            let tokens = try await SignedTokens.hmac(long, digest)
            let token = try tokens.token("{}")
            #expect(await code(of: token, try authorizer { $0.secret = long }) == nil, "\(name)")
            #expect(await code(of: token, try authorizer()) == .unauthorized, "\(name)")
        }
        await #expect(throws: AuthorizerConfigurationError.self) {
            try await authorizer { $0.secret = Array("short".utf8) }
        }
    }
}
