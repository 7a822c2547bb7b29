import Testing

@testable import SluiceCore

@Suite("Web addresses")
struct WebAddressTests {
    @Test(
        "have a port from 1 to 65535, or none",
        arguments: [
            ("http://a", true), ("http://a:", true), ("http://a:1/", true), ("https://a:65535/x:99999", true),
            ("http://[::1]/", true),
            ("http://[::1]:80/?q=http://b:99999", true), ("http://u:99999@a/", true),
            ("http://127.0.0.1:99999/", false), ("http://a:65536", false),
            ("http://a:0/", false), ("http://a:-1/", false), ("http://[::1]:70000/", false),
            ("http://a:99999999999999999999/", false),
            ("http://u@a:66000?x", false), ("http://a:x/", false),
        ] as [(String, Bool)]
    )
    func port(url: String, isValid: Bool) { #expect(WebAddress.hasValidPort(url) == isValid) }
}
