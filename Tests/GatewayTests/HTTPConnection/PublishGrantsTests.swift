import NIOHTTP1
import SluiceCore
import Testing

@testable import Gateway

@Suite("PublishGrants")
struct PublishGrantsTests {
    private static func key(
        _ basis: GrantBasis,
        uri: String = "/topics/a",
        _ fields: [(String, String)]
    ) -> GrantKey {
        GrantKey(basis, HTTPRequestHead(version: .http1_1, method: .POST, uri: uri, headers: HTTPHeaders(fields)))
    }

    private static func token(_ token: String) -> GrantKey { key(.token, [("Authorization", "Bearer \(token)")]) }

    @Test("a grant is used for its own token, until it ends or is too old")
    func ends() {
        let (a, b, none) = (Self.token("a"), Self.token("b"), Self.key(.token, []))
        var grants = PublishGrants()
        #expect(grants.grant(for: none, wallNanoseconds: 0) == nil)
        grants.keep(Grant(expiresAtWallNanoseconds: 100), for: a, wallNanoseconds: 10)
        #expect(grants.grant(for: a, wallNanoseconds: 99) != nil)
        #expect(grants.grant(for: a, wallNanoseconds: 100) == nil)
        #expect(grants.grant(for: b, wallNanoseconds: 50) == nil)
        #expect(grants.grant(for: none, wallNanoseconds: 50) == nil)
        grants.keep(.everything, for: none, wallNanoseconds: 10)
        #expect(grants.grant(for: none, wallNanoseconds: 9 + PublishGrants.maximumAgeNanoseconds) != nil)
        #expect(grants.grant(for: none, wallNanoseconds: 10 + PublishGrants.maximumAgeNanoseconds) == nil)
        #expect(grants.grant(for: a, wallNanoseconds: 50) == nil)
    }

    @Test(
        "the plain way finds a grant by its Authorization field, byte by byte, if the authorizer looked at nothing else"
    )
    func plain() {
        var grants = PublishGrants()
        func isKnown(_ text: String) -> Bool {
            Array(text.utf8).withUnsafeBytes { grants.grant(forAuthorization: $0[...], wallNanoseconds: 0) != nil }
        }
        grants.keep(.everything, for: Self.token("K"), wallNanoseconds: 0)
        #expect(isKnown("Bearer K"))
        #expect(!isKnown("Bearer \u{212A}"))
        #expect(!isKnown("Bearer K "))
        let fields = [("authorization", "Bearer K"), ("cookie", "a")]
        grants.keep(.everything, for: Self.key(.tokenAndFields(["cookie"]), fields), wallNanoseconds: 0)
        #expect(!isKnown("Bearer K"))
        grants.keep(.everything, for: Self.key(.request, fields), wallNanoseconds: 0)
        #expect(!isKnown("Bearer K"))
        // The next request may have the cookie that this one hasn't.
        let alone = Self.key(.tokenAndFields(["cookie"]), [("authorization", "Bearer K")])
        grants.keep(.everything, for: alone, wallNanoseconds: 0)
        #expect(!isKnown("Bearer K"))
        #expect(grants.grant(for: alone, wallNanoseconds: 0) != nil)
    }

    @Test("requests share a grant when they are alike in all that the authorizer looks at, and not otherwise")
    func keys() {
        let alice = [("Cookie", "sid=ALICE")]
        #expect(Self.key(.nothing, alice) == Self.key(.nothing, uri: "/topics/b?token=x", []))
        // The token: of the field, else of the query, and neither is taken for the other.
        #expect(Self.key(.token, alice) == Self.key(.token, uri: "/topics/b", [("Cookie", "sid=BOB")]))
        #expect(Self.key(.token, uri: "/?token=a", []) != Self.key(.token, uri: "/?token=b", []))
        #expect(Self.key(.token, uri: "/?token=a", []) != Self.key(.token, uri: "/", [("authorization", "token=a")]))
        let both = GrantBasis.tokenAndFields(["origin", "cookie"])
        #expect(
            Self.key(both, alice) == Self.key(both, uri: "/topics/b", [("x-request-id", "7"), ("cookie", "sid=ALICE")])
        )
        for other in [
            [], [("cookie", "sid=BOB")], [("cookie", "sid=ALICE"), ("cookie", "sid=BOB")],
            [("cookie", "sid=ALICE"), ("origin", "https://evil.example")], [("origin", "sid=ALICE")],
            [("cookie", "sid=ALICE"), ("authorization", "Bearer a")],
        ] {
            #expect(Self.key(both, alice) != Self.key(both, other))
        }
        #expect(Self.key(.request, alice) == Self.key(.request, alice))
        #expect(Self.key(.request, alice) != Self.key(.request, uri: "/topics/b", alice))
        #expect(Self.key(.request, alice) != Self.key(.request, alice + [("x-team", "red")]))
    }
}
