import Testing

@testable import Gateway

@Suite("AllowedHosts")
struct AllowedHostsTests {
    private static func allows(
        _ patterns: [String]?,
        on listenHost: String,
        _ field: String,
        at local: String? = nil
    ) throws -> Bool? {
        let hosts = try AllowedHosts(patterns, listenHost: listenHost)
        return HostName(field: field.utf8).map { hosts.allows($0, localAddress: local) }
    }

    @Test("a gateway on the loopback answers to the loopback's names alone")
    func loopback() throws {
        for field in [
            "localhost", "LOCALHOST:8080", "localhost.", "app.localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]:8080",
            "[0:0::1]",
        ] {
            #expect(try Self.allows(nil, on: "127.0.0.1", field) == true, "\(field)")
        }
        for field in [
            "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.evil", "evillocalhost", "10.0.0.1",
            "",
            "[::2]", "%6cocalhost",
        ] {
            #expect(try Self.allows(nil, on: "127.0.0.1", field) == false, "\(field)")
        }
        #expect(try Self.allows(nil, on: "::1", "[::1]") == true)
        #expect(try Self.allows(nil, on: "localhost", "evil.example") == false)
    }

    @Test("elsewhere every name is answered to, until some are named")
    func elsewhere() throws {
        #expect(try Self.allows(nil, on: "0.0.0.0", "any.example") == true)
        let named = ["gw.example", "*.shop.example", "10.1.1.1", "fe80::1"]
        for field in [
            "gw.example:80", "a.shop.example", "a.b.shop.example", "10.1.1.1", "[fe80::1]:1", "localhost:8080",
            "127.0.0.1",
            "0.0.0.0:8080",
        ] {
            #expect(try Self.allows(named, on: "0.0.0.0", field) == true, "\(field)")
        }
        for field in ["shop.example", "xshop.example", "a.gw.example", "10.1.1.2", "any.example"] {
            #expect(try Self.allows(named, on: "0.0.0.0", field) == false, "\(field)")
        }
        // Whoever asks by address can't have been sent here by another's name.
        #expect(try Self.allows(named, on: "0.0.0.0", "10.1.1.2:80", at: "10.1.1.2") == true)
        #expect(try Self.allows(["*"], on: "127.0.0.1", "any.example") == true)
    }

    @Test(
        "what is neither a name nor an address is no host",
        arguments: [
            "a b", "a/b", "a@b", "a:x", "[::1", "[a]", "[::1]x", "a\\b", "a\"", "h\u{E4}", "[127.0.0.1]", "a:1:2",
        ]
    )
    func malformed(field: String) { #expect(HostName(field: field.utf8) == nil) }

    @Test("a faulty pattern is told at start", arguments: ["a:80", "http://a", "*a", "a.*", "", "[x]", "*."])
    func faultyPattern(pattern: String) {
        #expect(throws: GatewayError.self) { try AllowedHosts([pattern], listenHost: "127.0.0.1") }
    }
}
