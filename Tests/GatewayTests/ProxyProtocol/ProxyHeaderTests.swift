import TestSupport
import Testing

@testable import Gateway

@Suite("ProxyHeader")
struct ProxyHeaderTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]

    private static func line(_ text: String) -> [UInt8] { Array("\(text)\r\n".utf8) }

    private static func binary(_ command: UInt8, _ family: UInt8, _ body: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? body.count
        return signature + [command, family, UInt8(length >> 8), UInt8(length & 255)] + body
    }

    private static let v4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 7, 0x12, 0x67, 0x01, 0xBB]
    private static let v6: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [9]
        + [UInt8](repeating: 0, count: 15) + [1] + [0x12, 0x67, 0x01, 0xBB]

    /// Headers, and whom they name; nil: nobody.
    private static let headers: [(bytes: [UInt8], client: String?)] = [
        (line("PROXY TCP4 192.0.2.1 198.51.100.7 4711 443"), "192.0.2.1:4711"),
        (line("PROXY TCP6 2001:db8::9 ::1 4711 443"), "[2001:db8::9]:4711"),
        (line("PROXY TCP6 ::ffff:192.0.2.1 ::1 0 443"), "192.0.2.1:0"),
        (line("PROXY UNKNOWN"), nil),
        (line("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535"), nil),
        (binary(0x21, 0x11, v4), "192.0.2.1:4711"),
        (binary(0x21, 0x21, v6), "[2001:db8::9]:4711"),
        // What a proxy tells beyond is read past: an authority, a checksum.
        (binary(0x21, 0x11, v4 + [2, 0, 3, 97, 98, 99, 3, 0, 4, 1, 2, 3, 4]), "192.0.2.1:4711"),
        (binary(0x21, 0x11, v4 + [UInt8](repeating: 4, count: 4_096 - 16 - 12)), "192.0.2.1:4711"),
        (binary(0x20, 0x00, []), nil),
        (binary(0x20, 0x11, v4), nil),
        (binary(0x20, 0xFF, [1, 2, 3]), nil),
        (binary(0x21, 0x00, []), nil),
        (binary(0x21, 0x00, [1, 2, 3]), nil),
        (binary(0x21, 0x31, [UInt8](repeating: 0, count: 216)), nil),
    ]

    @Test("a header says whom it is for and where it ends, whatever comes behind and however it comes")
    func reads() throws {
        var random = SeededGenerator(seed: 7)
        for (bytes, client) in Self.headers {
            let verdict = ProxyHeader.Verdict.header(client.flatMap { ClientAddress($0.utf8) }, consumed: bytes.count)
            #expect(ProxyHeader.read(bytes) == verdict)
            #expect(ProxyHeader.read(bytes + [0x16, 0x03, 0x01]) == verdict)
            #expect(ProxyHeader.read(bytes + bytes) == verdict)
            for end in 0..<bytes.count { #expect(ProxyHeader.read(bytes[..<end]) == .needMore, "\(end) of \(bytes)") }
            for _ in 0..<20 {
                let tail = (0..<Int.random(in: 0..<300, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                #expect(ProxyHeader.read(bytes + tail) == verdict)
            }
        }
    }

    @Test(
        "what isn't written as version 1 has it is no header",
        arguments: [
            "PROXY TCP4 192.0.2.1 198.51.100.7 4711", "PROXY TCP4 192.0.2.1 198.51.100.7 4711 443 ",
            "PROXY TCP4  192.0.2.1 198.51.100.7 4711 443", "PROXY TCP4 2001:db8::9 ::1 4711 443",
            "PROXY TCP6 192.0.2.1 198.51.100.7 4711 443", "PROXY TCP4 192.0.2.1 198.51.100.7 70000 443",
            "PROXY TCP4 192.0.2.1 198.51.100.7 04711 443", "PROXY TCP4 192.0.2.1 198.51.100.7 -1 443",
            "PROXY TCP4 192.0.2 198.51.100.7 4711 443", "PROXY TCP4 localhost 198.51.100.7 4711 443",
            "PROXY TCP6 fe80::1%eth0 ::1 4711 443", "PROXY UDP4 192.0.2.1 198.51.100.7 4711 443", "PROXY ",
            "PROXY unknown", "PROXY TCP4 192.0.2.1\r198.51.100.7 4711 443",
        ]
    )
    func faultyLines(text: String) { #expect(ProxyHeader.read(Self.line(text)) == .invalid(.line)) }

    @Test("a line is 107 bytes at most, with its end")
    func longLines() {
        let longest = "PROXY UNKNOWN " + String(repeating: "x", count: 107 - 14 - 2)
        #expect(ProxyHeader.read(Self.line(longest)) == .header(nil, consumed: 107))
        #expect(ProxyHeader.read(Self.line(longest + "x")) == .invalid(.tooLong))
        #expect(ProxyHeader.read(Array((longest + "x").utf8)) == .needMore)
        #expect(ProxyHeader.read(Array((longest + "xx").utf8)) == .invalid(.tooLong))
    }

    @Test("versions, commands, families and lengths that aren't those of version 2 are no header")
    func faultyBinaries() {
        #expect(ProxyHeader.read(Self.binary(0x11, 0x11, Self.v4)) == .invalid(.command))
        #expect(ProxyHeader.read(Self.binary(0x22, 0x11, Self.v4)) == .invalid(.command))
        for family in [0x01, 0x10, 0x12, 0x22, 0x32, 0x41, 0xFF] as [UInt8] {
            #expect(ProxyHeader.read(Self.binary(0x21, family, Self.v6)) == .invalid(.family))
        }
        #expect(ProxyHeader.read(Self.binary(0x21, 0x11, Array(Self.v4.dropLast()))) == .invalid(.addresses))
        #expect(ProxyHeader.read(Self.binary(0x21, 0x21, Self.v4)) == .invalid(.addresses))
        #expect(ProxyHeader.read(Self.binary(0x21, 0x31, Self.v6)) == .invalid(.addresses))
        #expect(ProxyHeader.read(Self.binary(0x21, 0x11, Self.v4, length: 4_081)) == .invalid(.tooLong))
        #expect(ProxyHeader.read(Self.binary(0x20, 0x00, [], length: 65_535)) == .invalid(.tooLong))
    }

    @Test("what begins otherwise is none with the first byte that is another")
    func others() {
        for text in ["GET / HTTP/1.1\r\n", "POST", "PROXX", "proxy TCP4", "\u{16}\u{3}\u{1}", "\r\n\r\nG", " PROXY "] {
            #expect(ProxyHeader.read(Array(text.utf8)) == .invalid(.signature))
        }
    }

    @Test("random bytes behind either beginning trap nothing and never take more than there is")
    func random() {
        var random = SeededGenerator(seed: 11)
        for round in 0..<20_000 {
            let start = round % 2 == 0 ? Array("PROXY TCP4 ".utf8) : Self.signature + [0x21]
            let tail = (0..<Int.random(in: 0..<60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
            }
            if case .header(_, let consumed) = ProxyHeader.read(start + tail) {
                #expect(consumed <= start.count + tail.count)
            }
        }
    }
}
