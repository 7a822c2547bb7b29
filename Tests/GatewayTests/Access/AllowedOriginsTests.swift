import NIOHTTP1
import Testing

@testable import Gateway

@Suite("AllowedOrigins")
struct AllowedOriginsTests {
    @Test(
        "named origins, those below a wildcard and the gateway's own may use it, and nothing that only looks alike",
        arguments: [
            ("https://app.example.com", true), ("https://APP.example.com", true), ("http://app.example.com", false),
            ("https://app.example.com:8443", false), ("https://app.example.com.evil.org", false),
            ("https://evilapp.example.com", false), ("https://a.live.example.org", true),
            ("https://a.b.live.example.org", true), ("https://live.example.org", false),
            ("https://evillive.example.org", false), ("http://a.live.example.org", false), ("null", false), ("", false),
            ("https://push.example.net", true), ("http://push.example.net", false), ("http://localhost:5173", false),
            ("https://a.live.example.org/", false), ("https://a.live.example.org@evil.org", false),
        ]
    )
    func decides(origin: String, isAllowed: Bool) throws {
        let origins = try AllowedOrigins(
            ["https://app.example.com", "https://*.live.example.org"],
            listenHost: "0.0.0.0"
        )
        let decision = origins.decide(origin, host: "push.example.net", isSecure: true)
        #expect((decision != .foreign) == isAllowed)
    }

    @Test("on a loopback address pages of the loopback may use it, unless somebody else was named")
    func loopback() throws {
        let standard = try AllowedOrigins(nil, listenHost: "127.0.0.1")
        for origin in ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:80", "http://app.localhost"] {
            #expect(standard.decide(origin, host: "127.0.0.1:8080", isSecure: nil) != .foreign)
        }
        for origin in ["http://127.0.0.1.evil.org", "https://evil.example", "null", "file://"] {
            #expect(standard.decide(origin, host: "127.0.0.1:8080", isSecure: nil) == .foreign)
        }
        let named = try AllowedOrigins(["https://app.example.com"], listenHost: "127.0.0.1")
        #expect(named.decide("http://localhost:5173", host: "127.0.0.1:8080", isSecure: nil) == .foreign)
        let open = try AllowedOrigins(nil, listenHost: "0.0.0.0")
        #expect(open.decide("http://localhost:5173", host: "push.example.net", isSecure: nil) == .foreign)
    }

    @Test("cookies come along for named origins only")
    func credentials() throws {
        let origins = try AllowedOrigins(["*", "https://app.example.com"], listenHost: "0.0.0.0")
        #expect(origins.decide("https://app.example.com", host: nil, isSecure: true) == .allowed(withCredentials: true))
        #expect(origins.decide("https://other.example", host: nil, isSecure: true) == .allowed(withCredentials: false))
    }

    @Test(
        "what is no origin is refused at start",
        arguments: [
            "app.example.com", "https://", "https://*", "https://a.*.com", "https://app.example.com/path",
            "*.example.com",
        ]
    )
    func refuses(pattern: String) {
        #expect(throws: GatewayError.self) { try AllowedOrigins([pattern], listenHost: "0.0.0.0") }
    }

    @Test("a preflight is answered with what was asked for, but for the fields of AWS's wire")
    func preflight() throws {
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .OPTIONS,
            uri: "/topics/a",
            headers: [
                "access-control-request-method": "POST",
                "access-control-request-headers": "Content-Type, x-amz-target, X-Own, bad name, authorization",
                "access-control-request-private-network": "true",
            ]
        )
        let fields = CrossOrigin(
            origin: "https://app.example.com",
            withCredentials: true,
            preflight: CrossOrigin.Preflight(head)
        ).fields
        let value = { (name: String) in fields.first { $0.name == name }?.value }
        #expect(value("access-control-allow-headers") == "content-type, x-own, authorization")
        #expect(value("access-control-allow-private-network") == "true")
        #expect(value("access-control-allow-origin") == "https://app.example.com")
        #expect(value("vary") == "origin")
        #expect(CrossOrigin(origin: nil).fields.map(\.name) == ["vary"])
    }
}
