import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import Gateway

@Suite("ResumingDecoder")
struct ResumingDecoderTests {
    /// Fields with which a client may offer another protocol, or seem to.
    private static let fields = [
        "upgrade: h2c", "connection: upgrade", "Connection: Upgrade", "connection: keep-alive, Upgrade",
        "connection:upgrade,x",
        "connection: Upgrade, HTTP2-Settings", "connection: close", "connection: x y, upgrade",
        "proxy-connection: upgrade",
        "connection: upgrade;q=1", "connection: keep-alive", "upgrade: websocket, h2c", "connection: ,,upgrade",
        "connection: upgrade ",
        "connection: xupgrade", "connection: upgradex", "connection: up grade", "connection: close, upgrade",
        "upgrade:",
        "connection: keep-alive,upgrade,keep-alive", "connection: UPGRADE", "connection: upgrade-",
    ]

    /// Goal: the decoder goes on exactly behind requests of which it is said that it does.
    /// Method: random fields, told to NIO's own decoder with a request behind them.
    @Test("an offer is clear only where NIO's decoder stops, and none only where it doesn't", arguments: 0..<4)
    func offers(round: Int) throws {
        let seed = UInt64.random(in: .min ... .max)
        print("ResumingDecoderTests.offers round \(round) seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var seen: [UpgradeOffer] = []
        for _ in 0..<500 {
            let count = Int.random(in: 0...4, using: &random)
            let some = (0..<count).compactMap { _ in Self.fields.randomElement(using: &random) }
            let method = ["GET", "POST", "CONNECT", "PUT"].randomElement(using: &random) ?? "GET"
            let body = method == "POST" || method == "PUT" ? "content-length: 2\r\n" : ""
            let text =
                "\(method) /x HTTP/1.1\r\nhost: a\r\n\(some.map { $0 + "\r\n" }.joined())\(body)\r\n\(body.isEmpty ? "" : "{}")"
            let heads = try Self.heads(in: text + "GET /behind HTTP/1.1\r\nhost: a\r\n\r\n")
            guard let first = heads.first else { continue }
            let offer = UpgradeOffer(first, PublishHead(first.headers))
            seen.append(offer)
            switch offer {
            case .clear: #expect(heads.count == 1, "\(text)")
            // Behind `Connection: close` it reads nothing either.
            case .none: #expect(heads.count == 2 || !first.isKeepAlive, "\(text)")
            case .unclear: break
            }
        }
        #expect(seen.contains(.clear) && seen.contains(.none) && seen.contains(.unclear))
    }

    private static func heads(in text: String) throws -> [HTTPRequestHead] {
        let channel = EmbeddedChannel(
            handler: ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes))
        )
        _ = try? channel.writeInbound(ByteBuffer(string: text))
        var heads: [HTTPRequestHead] = []
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
            if case .head(let head) = part { heads.append(head) }
        }
        _ = try? channel.finish()
        return heads
    }

    @Test("what is behind an offer is read when it is known that the offer isn't taken, however it is cut")
    func resumes() throws {
        let offer = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
        let text =
            PublishHarness.publish("a") + PublishHarness.publish("b", fields: offer)
            + PublishHarness.publish("c", fields: offer)
            + "GET /d HTTP/1.1\r\nhost: a\r\n\(offer)\r\n" + PublishHarness.get("/e") + PublishHarness.publish("f")
        let bytes = Array(text.utf8)
        for split in stride(from: 1, to: bytes.count, by: 3) {
            let harness = try PublishHarness()
            for piece in [bytes[..<split], bytes[split...]] { try harness.send(String(decoding: piece, as: UTF8.self)) }
            harness.commit()
            harness.route("d")
            harness.route("e")
            harness.commit()
            #expect(harness.statuses == [202, 202, 202, 200, 200, 202], "split at \(split)")
            #expect(harness.router.paths == ["/d", "/e"])
            #expect(harness.isOpen)
        }
    }

    @Test("an offer that can't be read behind ends the connection, and says so")
    func unclear() throws {
        let harness = try PublishHarness()
        let offer = "connection: upgrade\r\nconnection: x\r\nupgrade: h2c\r\n"
        try harness.send(PublishHarness.publish("b", fields: offer) + PublishHarness.publish("never"))
        harness.commit()
        #expect(harness.statuses == [202])
        #expect(harness.output.contains("connection: close\r\n"))
        #expect(!harness.isOpen)
    }

    @Test("what is behind a request for a WebSocket are frames, or requests, when it is refused")
    func handshake() throws {
        let fields =
            "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n"
        let accepted = try PublishHarness()
        try accepted.send(PublishHarness.publish("a") + "GET /ws HTTP/1.1\r\nhost: a\r\n\(fields)\r\nframe")
        accepted.commit()
        accepted.endTurn()
        #expect(accepted.statuses == [202, 101])
        #expect(accepted.output.hasSuffix("\r\n\r\nhelloframe"))
        let refused = try PublishHarness()
        try refused.send("GET /other HTTP/1.1\r\nhost: a\r\n\(fields)\r\n" + PublishHarness.publish("a"))
        refused.commit()
        #expect(refused.statuses == [403, 202])
        #expect(refused.isOpen)
    }
}
