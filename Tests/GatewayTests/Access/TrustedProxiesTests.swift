import NIOHTTP1
import Testing

@testable import Gateway

@Suite("TrustedProxies")
struct TrustedProxiesTests {
    private static func address(_ text: String) throws -> ClientAddress { try #require(ClientAddress(text.utf8)) }

    @Test(
        "addresses are read as proxies write them",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("192.0.2.1:4711", "192.0.2.1:4711"), ("2001:DB8:0::1", "2001:db8::1"),
            ("[2001:db8::1]:4711", "[2001:db8::1]:4711"), ("[::1]", "::1"), ("::ffff:192.0.2.1", "192.0.2.1"),
        ]
    )
    func reads(text: String, shown: String) throws { #expect(try Self.address(text).description == shown) }

    @Test(
        "what is no address is none",
        arguments: [
            "", "unknown", "_hidden", "example.com", "1.2.3", "1.2.3.4:70000", "1.2.3.4:", "[::1", "[::1]x",
            "1.2.3.4.5", "999.1.1.1",
        ]
    )
    func refuses(text: String) { #expect(ClientAddress(text.utf8) == nil) }

    @Test("the last hop that isn't a trusted proxy is the client, whatever stands in front of it")
    func client() throws {
        let proxies = try TrustedProxies(["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.7"], field: .xForwardedFor)
        let peer = try Self.address("10.1.2.3:9999")
        let found = { (fields: [(String, String)], peer: ClientAddress) in
            proxies.client(of: HTTPHeaders(fields), from: peer)
        }
        #expect(
            found([("x-forwarded-for", "6.6.6.6, 203.0.113.7, 192.0.2.7")], peer).address.description == "203.0.113.7"
        )
        #expect(
            found([("x-forwarded-for", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.8")], peer).address.description
                == "203.0.113.8"
        )
        // All are proxies: the first of them asked.
        #expect(found([("x-forwarded-for", "10.9.9.9, 10.8.8.8")], peer).address.description == "10.9.9.9")
        // Nobody knows who was in front of a hop that hides.
        #expect(found([("x-forwarded-for", "203.0.113.7, _hidden")], peer).address == .unknown)
        #expect(found([], peer).address == peer)
        // Others' word isn't taken, nor that of another field.
        let stranger = try Self.address("203.0.113.1:1")
        #expect(found([("x-forwarded-for", "1.1.1.1")], stranger).address == stranger)
        #expect(found([("forwarded", "for=1.1.1.1;proto=https")], peer).address == peer)
        #expect(found([("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https")], peer).isSecure == true)
        #expect(found([("x-forwarded-proto", "https")], stranger).isSecure == nil)
    }

    @Test("Forwarded is read where it is the field, with quotes and IPv6 (RFC 7239)")
    func forwarded() throws {
        let proxies = try TrustedProxies(["127.0.0.1"], field: .forwarded)
        let found = proxies.client(
            of: [
                "forwarded": #"for=6.6.6.6, For="[2001:db8::9]:47";Proto=https;by=10.0.0.1"#,
                "x-forwarded-for": "7.7.7.7",
            ],
            from: try Self.address("127.0.0.1:5")
        )
        #expect(found.address.description == "[2001:db8::9]:47")
        #expect(found.isSecure == true)
    }

    @Test(
        "networks are compared bit by bit",
        arguments: ["10.0.0.0/8", "::/0", "0.0.0.0/0", "2001:db8::/33", "192.0.2.0/31"]
    )
    func networks(text: String) throws {
        let proxies = try TrustedProxies([text], field: .xForwardedFor)
        let inside = [
            "10.0.0.0/8": "10.255.0.1", "::/0": "fe80::1", "0.0.0.0/0": "8.8.8.8", "2001:db8::/33": "2001:db8:7fff::1",
            "192.0.2.0/31": "192.0.2.1",
        ]
        let outside = [
            "10.0.0.0/8": "11.0.0.0", "::/0": "8.8.8.8", "0.0.0.0/0": "::1", "2001:db8::/33": "2001:db8:8000::1",
            "192.0.2.0/31": "192.0.2.2",
        ]
        #expect(proxies.contains(try Self.address(try #require(inside[text]))))
        #expect(!proxies.contains(try Self.address(try #require(outside[text]))))
    }

    @Test(
        "what is no network is refused at start",
        arguments: ["10.0.0.0/33", "10.0.0.0/x", "proxy", "10.0.0.0/8/8", "1.2.3.4:80"]
    )
    func refusesNetworks(text: String) {
        #expect(throws: GatewayError.self) { try TrustedProxies([text], field: .xForwardedFor) }
    }

    @Test("a prefix comes off where a path begins with it, and only there")
    func prefix() throws {
        let prefix = try PathPrefix("/rt/")
        #expect(prefix.strip("/rt/topics/a?x=1") == "/topics/a?x=1")
        #expect(prefix.strip("http://h/rt/ws") == "/ws")
        #expect(prefix.strip("/rt/") == "/")
        #expect(prefix.strip("/rtx/topics") == nil)
        #expect(prefix.strip("/topics/rt") == nil)
        #expect(prefix.strip("*") == "*")
        #expect(try PathPrefix("").strip("/a") == "/a")
        for wrong in ["rt", "/r t", "/a//b", "/%2F"] {
            #expect(throws: GatewayError.self) { try PathPrefix(wrong) }
        }
    }
}
