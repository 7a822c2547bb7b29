import NIOCore
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

/// Goal: whatever a client sends, in whatever pieces, a connection with a ``PublishReader`` behaves as one without.
/// Method: random mixes of requests, some of them damaged, cut at random; the two connections are compared after each piece.
@Suite("PublishReader against the decoder")
struct PublishReaderRandomTests {
    private static var limits: HTTPLimits {
        var limits = HTTPLimits()
        limits.payloadBytes = 300
        limits.batchBytes = 600
        limits.headBytes = 1_000
        limits.headerFields = 12
        limits.pipelinedRequests = 8
        return limits
    }

    private static func upgrade(_ path: String) -> String {
        "GET \(path) HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            + "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    }

    private static let plain = [
        PublishHarness.publish("a"), PublishHarness.publish("b/c", fields: "content-type: text/plain\r\n", body: "x y"),
        PublishHarness.publish("d", fields: "connection: keep-alive\r\nx-1: 2\r\n", body: "[1,2,3]"),
        PublishHarness.publish("e", fields: "content-type: application/octet-stream\r\n", body: "\u{0}\r\n\r\n"),
        PublishHarness.publish("f", fields: "authorization: Bearer x\r\n", body: "POST /topics/x HTTP/1.1\r\n\r\n"),
        PublishHarness.publish("g", fields: "content-type: text/plain  \r\n", body: ""),
        PublishHarness.publish("h", body: "\"\(String(repeating: "x", count: 250))\""),
    ]

    private static let others = [
        PublishHarness.publish("a", body: "{"), PublishHarness.publish("a%20b"), PublishHarness.publish("a+b"),
        PublishHarness.publish("a?token=x"), PublishHarness.publish(""), PublishHarness.publish("ä"),
        PublishHarness.publish(String(repeating: "x", count: 401)),
        PublishHarness.publish("a", fields: "x: y\r\n z\r\n"),
        "POST /topics/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n",
        "POST /topics/a HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}", PublishHarness.get("/x"),
        PublishHarness.get("/topics/a"),
        "POST /topics HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}", "\r\n" + PublishHarness.publish("a"),
        "PUT /tables/t/items/k HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}",
        "HEAD /x HTTP/1.1\r\nhost: a\r\n\r\n",
        PublishHarness.publish("a", fields: "expect: 100-continue\r\n"),
        PublishHarness.publish("a", fields: "x_y: z\r\n"),
        PublishHarness.publish("a", fields: "x: \"ä\"\r\n"), PublishHarness.publish("a", fields: "content-type:\r\n"),
        PublishHarness.publish("a", fields: "host: b\r\n"), PublishHarness.publish("a", fields: "te: trailers\r\n"),
    ]

    private static let last = [
        PublishHarness.publish("a", fields: "content-length: 2\r\n"),
        PublishHarness.publish("a", fields: "connection: close\r\n"),
        PublishHarness.publish("a", fields: "proxy-connection: close\r\n"),
        PublishHarness.publish("a", fields: "upgrade: h2c\r\n"),
        PublishHarness.publish("a", body: String(repeating: "1", count: 301)), "POST /topics/a HTTP/1.1\nhost: a\n\n",
        PublishHarness.publish("a", fields: String(repeating: "x: y\r\n", count: 11)),
        "NONSENSE /x HTTP/1.1\r\nhost: a\r\n\r\n",
        PublishHarness.publish("a", fields: "x: \(String(repeating: "x", count: 1_000))\r\n"), upgrade("/ws"),
        "POST /topics/a HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}",
        "POST /topics/a HTTP/1.1\r\nhost: a\r\ncontent-length: 5",
        PublishHarness.publish("a", fields: "transfer-encoding: chunked\r\n"), upgrade("/ws") + "\u{81}\u{0}",
        PublishHarness.publish("a", fields: "connection: upgrade\r\nupgrade: h2c\r\n"), "\u{16}\u{3}\u{1}\u{0}",
    ]

    @Test("answers mixes of requests in pieces alike", arguments: 0..<8)
    func mixes(round: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        print("PublishReaderRandomTests.mixes round \(round) seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<12 {
            var text = ""
            for _ in 0..<Int.random(in: 1..<10, using: &random) {
                let kind = Int.random(in: 0..<20, using: &random)
                let requests = kind == 0 ? Self.last : kind < 3 ? Self.others : Self.plain
                text += requests.randomElement(using: &random) ?? ""
            }
            try run(Array(text.utf8), &random)
        }
    }

    @Test("answers damaged requests alike", arguments: 0..<8)
    func damage(round: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        print("PublishReaderRandomTests.damage round \(round) seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<20 {
            try run(Self.damaged(&random), &random)
        }
    }

    private static func damaged(_ random: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 1..<5, using: &random) {
            bytes += Array((plain.randomElement(using: &random) ?? "").utf8)
        }
        for _ in 0..<Int.random(in: 1..<4, using: &random) {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let byte = Array("\r\n\t :,;0129%?#-_\u{0}\u{7F}Pp".utf8).randomElement(using: &random) ?? 0
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[place] = .random(in: 0...255, using: &random)
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(byte, at: place)
            default: bytes[place] = byte
            }
        }
        return bytes
    }

    @Test("answers alike what it once didn't", arguments: [477_585_412_938_539_133 as UInt64])
    func seeds(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<20 { try run(Self.damaged(&random), &random) }
    }

    /// Sends `bytes` to both connections in the same pieces, with answers, ends of input and drains at the same places.
    private func run(_ bytes: [UInt8], _ random: inout SeededGenerator) throws {
        let short = try ReaderHarness(reads: true, limits: Self.limits)
        let long = try ReaderHarness(reads: false, limits: Self.limits)
        var steps: [String] = []
        func both(_ step: String, _ body: (ReaderHarness) -> Void) {
            steps.append(step)
            for harness in [short, long] { body(harness) }
            #expect(short.visible == long.visible, "after \(steps)")
        }
        var rest = bytes[...]
        let longest = Int.random(in: 0..<3, using: &random) == 0 ? 8 : 400
        while !rest.isEmpty, short.visible == long.visible {
            let piece = rest.prefix(Int.random(in: 1...longest, using: &random))
            rest = rest.dropFirst(piece.count)
            both(String(decoding: piece, as: UTF8.self).debugDescription) { $0.send(ByteBuffer(bytes: piece)) }
            if Bool.random(using: &random) { both("answer") { $0.answer() } }
            if Int.random(in: 0..<200, using: &random) == 0 { both("drain") { $0.drain() } }
        }
        if Bool.random(using: &random) { both("end of input") { $0.closeInput() } }
        for _ in 0..<8 { both("answer") { $0.answer() } }
        both("later") { $0.advance(by: .seconds(100)) }
    }
}
