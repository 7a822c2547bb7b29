import DeliveryLink
import SluiceCore
import Testing

@Suite struct LinkAddressTests {
    @Test(
        "an address is written as it was read",
        arguments: [
            "unix:/run/sluice/link.sock", "tcp://127.0.0.1:7000", "tcp://gateway.internal:0", "tcp://[::1]:65535",
            "tls://gateway.internal:7443", "tls://[::1]:1",
        ]
    )
    func roundTrip(text: String) throws {
        #expect(try LinkAddress(text).description == text)
    }

    @Test("host, port and path are taken apart")
    func parts() throws {
        #expect(try LinkAddress("tcp://[::1]:80") == .tcp(host: "::1", port: 80))
        #expect(try LinkAddress("unix:/a b/c") == .unix(path: "/a b/c"))
    }

    @Test(
        "what isn't an address is refused",
        arguments: [
            "", "unix:", "unix:relative", "unix:/dir/", "unix:/a\0b", "unix:/" + String(repeating: "x", count: 106),
            "tcp://", "tcp://host",
            "tcp://host:", "tcp://host:x", "tcp://host:+1", "tcp://host:65536", "tcp://:80", "tcp://::1:80",
            "tcp://[]:80", "tcp://a/b:80",
            "tcp://a b:80", "tls://host", "tls://:80", "http://host:80", "/run/link.sock",
        ]
    )
    func invalid(text: String) {
        #expect { try LinkAddress(text) } throws: { ($0 as? LinkError)?.code == .invalidAddress }
    }
}
