import Deflate
import Logging
import NIOCore
import NIOHTTP1
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

/// Goal: no input of a client ends the process, takes time out of proportion, or means something else in other pieces.
/// Method: inputs made by ``Fuzzer``; a trap ends the run, behind the line with its seed.
@Suite("Fuzz")
struct FuzzTests {
    @Test("HTTP: whatever comes is answered alike by the short way and by the decoder")
    func http() throws {
        let upgrade =
            "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            + "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
        var fuzzer = Fuzzer(
            "http",
            300,
            samples: [
                PublishHarness.publish("a"), PublishHarness.publish("a") + PublishHarness.publish("b/c", body: "[1]"),
                PublishHarness.get("/topics/a/records"), upgrade,
                "POST /topics HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
                "PUT /tables/t/items/k HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}"
                    + PublishHarness.publish("a"),
                "OPTIONS * HTTP/1.1\r\nhost: a\r\norigin: https://a\r\naccess-control-request-method: PUT\r\n\r\n",
                PublishHarness.publish("a", fields: "authorization: Bearer x.y.z\r\nexpect: 100-continue\r\n"),
            ],
            words: [
                "\r\n", "\r\n\r\n", "host: b\r\n", "content-length: 5\r\n", "transfer-encoding: chunked\r\n", "%2F",
                "%",
                " HTTP/1.1", " HTTP/1.0", "\u{0}", ":", "connection: close\r\n", "upgrade: h2c\r\n", "0\r\n\r\n",
                "FFFFFFFF\r\n",
                "?token=", "&", "é", "http://a/", "*", "expect: 100-continue\r\n", "9999999999999999999",
            ]
        )
        while let input = fuzzer.next() {
            let short = try ReaderHarness(reads: true)
            let long = try ReaderHarness(reads: false)
            let longest = Bool.random(using: &fuzzer.random) ? 8 : 4_096
            for piece in fuzzer.random.pieces(of: input, longest: longest) {
                for harness in [short, long] { harness.send(ByteBuffer(bytes: piece)) }
                if Bool.random(using: &fuzzer.random) { for harness in [short, long] { harness.answer() } }
            }
            for harness in [short, long] {
                harness.closeInput()
                for _ in 0..<4 { harness.answer() }
                harness.advance(by: .seconds(100))
            }
            fuzzer.note(short.output.withoutNumbers, fault: short.visible == long.visible ? nil : "the two ways differ")
        }
    }

    @Test(
        "frames: a connection answers alike whatever pieces its bytes come in, with sound frames, and nothing behind its close"
    )
    func frames() throws {
        func frame(_ opcode: UInt8, _ text: String, isFinal: Bool = true) -> [UInt8] {
            var bytes = ClientFrame.bytes(opcode, Array(text.utf8), isFinal: isFinal)
            return bytes.readBytes(length: bytes.readableBytes) ?? []
        }
        let messages = [
            #"{"action":"ping","id":"1"}"#, #"{"action":"subscribe","id":"2","topics":["a"],"after":{"a":0}}"#,
            #"{"action":"publish","id":"3","topic":"a","data":{"x":[1,2]}}"#,
            #"{"action":"unsubscribe","topics":["a"]}"#,
            #"{"action":"authenticate","token":"x"}"#,
        ]
        var fuzzer = Fuzzer(
            "frames",
            300,
            samples: messages.map { frame(1, $0) } + [
                frame(1, #"{"action""#, isFinal: false) + frame(9, "p") + frame(0, #":"ping"}"#),
                frame(8, "\u{3}\u{E8}"),
                frame(2, "binary"), frame(9, String(repeating: "p", count: 126)), frame(10, ""),
            ],
            words: [
                [0x81, 0x80], [0x00, 0x80], [0x80, 0x80], [0x88, 0x80], [0xC1, 0xFE], [0xFF], [0x81, 0xFF],
                [0x7F, 0xFF],
            ]
        )
        while let input = fuzzer.next() {
            let whole = try answers(to: [input[...]])
            let pieces = try answers(to: fuzzer.random.pieces(of: input, longest: 6))
            let isSound =
                whole.dropLast().allSatisfy { $0.opcode != 8 } && whole.allSatisfy { [1, 8, 10].contains($0.opcode) }
            fuzzer.note(
                whole.map { "\($0.opcode) \($0.text.withoutNumbers)" }.joined(separator: "\n"),
                fault: whole != pieces ? "pieces are answered otherwise" : isSound ? nil : "a frame that isn't one"
            )
        }
    }

    /// What a client gets that sends these pieces; the greeting, whose id is by chance, left out.
    private func answers(to pieces: [ArraySlice<UInt8>]) throws -> [ReceivedFrame] {
        let harness = WebSocketHarness()
        let client = try harness.connect()
        _ = client.read()
        for piece in pieces where client.isOpen { try? client.send(ByteBuffer(bytes: piece)) }
        harness.commitLog()
        harness.commitRegistry()
        harness.settle()
        return client.read().sorted { one, other in one.opcode == 8 ? false : other.opcode == 8 }
    }

    @Test("JSON: messages, batches and patches are read or refused, and what is read means the same written again")
    func json() {
        var fuzzer = Fuzzer(
            "json",
            2_000,
            samples: [
                #"{"action":"subscribe","id":"1","topics":["a","b"],"after":{"a":1,"b":2},"epoch":"00000000000000ee"}"#,
                #"{"action":"publish","topic":"a","data":"eA==","contentType":"image/png","encoding":"base64"}"#,
                #"{"records":[{"topic":"a","data":{"x":1.5e3}},{"topic":"b","data":"\ud83d\ude00"}]}"#,
                #"{"a":{"b":null,"c":[1,{"d":"e"}]},"é":true}"#, "[[[[[[[[]]]]]]]]", #""\u0041\n""#, "-0.0e-0", "null",
            ],
            words: [
                "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "null", "true", "1e999", "-", "0", ".",
                "e+", "\u{0}", "\u{301}",
                "\u{FEFF}", "\"action\":", "\"topics\":", "\"data\":", "\"records\":", "/#", "+",
                String(repeating: "[", count: 200),
            ]
        )
        while let input = fuzzer.next() {
            let session = SluiceV1Session(encoding: .base64, epoch: "00000000000000ee")
            let request = session.request(InboundMessage(isText: true, payload: ByteBuffer(bytes: input)))
            var kind = ""
            switch request {
            case .refused(_, let error): kind = "\(error.code) \(error.message.withoutNumbers)"
            case .reply: kind = "reply"
            case .subscribe: kind = "subscribe"
            case .unsubscribe: kind = "unsubscribe"
            case .publish: kind = "publish"
            case .authenticate: kind = "authenticate"
            }
            do throws(APIError) {
                kind += " batch \(try BatchRequest.drafts(input, 0, payloadBytes: 1_000).count)"
            } catch {
                kind += " batch \(error.code)"
            }
            guard let patch = try? JSONMergePatch(input) else {
                let isJSON = (try? JSONValue(input)) != nil
                fuzzer.note(kind + (isJSON ? " no patch" : " no JSON"))
                continue
            }
            // RFC 7396: a patch of a patched document changes nothing, and what comes out is JSON.
            let once = patch.applied(to: nil)
            let again = (try? JSONValue(once)).map { patch.applied(to: $0) }
            fuzzer.note(kind + " patch", fault: again == once ? nil : "the patch isn't idempotent, or makes no JSON")
        }
    }

    @Test("tokens: none that was changed is taken")
    func tokens() async throws {
        let secret = Array("0123456789abcdef0123456789abcdef".utf8)
        let signer = try await SignedTokens.hmac(secret)
        var configuration = JWTConfiguration()
        configuration.secret = secret
        let authorizer = try await JWTAuthorizer(configuration: configuration, logger: .init(label: "test"))
        let sound = [
            try signer.token(#"{"sub":"alice","sluice":{"subscribe":["a/#"],"publish":["a/+"]}}"#),
            try signer.token(#"{"sub":"bob","exp":4000000000,"nbf":1,"aud":["x"],"iss":"y"}"#, kid: "1"),
        ]
        var fuzzer = Fuzzer(
            "tokens",
            1_000,
            samples: sound + ["..", "a.b.c", "eyJhbGciOiJub25lIn0.e30."],
            words: [".", "=", "-", "_", "eyJhbGciOiJub25lIn0", "e30", "AA", "\u{0}", "é", sound[0]]
        )
        let taken = sound.map { $0.split(separator: ".").dropLast().joined(separator: ".") }
        while let input = fuzzer.next() {
            let text = String(decoding: input, as: UTF8.self)
            do throws(APIError) {
                _ = try await authorizer.connect(ConnectRequest(token: text))
                // The signature's last character has bits that mean nothing; what it signs hasn't.
                let signed = text.split(separator: ".").dropLast().joined(separator: ".")
                fuzzer.note("taken", fault: taken.contains(signed) ? nil : "a token that nobody signed")
            } catch {
                fuzzer.note("\(error.code) \(error.message.withoutNumbers)")
            }
        }
    }

    @Test("deflate: what is no deflated data is refused, nothing is inflated further than it may")
    func deflate() throws {
        let (inflater, most) = (try RawInflater(), 4_096)
        let texts = [
            "", "a", #"{"a":1}"#, String(repeating: "abc ", count: 200), String(repeating: "\u{0}", count: 60_000),
        ]
        let rule = MessageCompression(rule: CompressionRule(minimumBytes: 0), window: .full)
        // Behind the header of a frame, which is two to ten bytes.
        let samples: [[UInt8]] = texts.map { text in
            let frame = ServerFrame.compressed(ServerFrame.frame(.text, Array(text.utf8)), rule)
            let bytes = Array(frame.readableBytesView)
            return Array(bytes.dropFirst(bytes.count > 1 && bytes[1] == 126 ? 4 : 2))
        }
        var fuzzer = Fuzzer(
            "deflate",
            2_000,
            samples: samples,
            words: [
                [0x00, 0x00, 0xFF, 0xFF], [0x01, 0x00, 0x00, 0xFF, 0xFF], [0x03, 0x00], [0x00], [0xED, 0xC1], [0x4B],
            ]
        )
        while let input = fuzzer.next() {
            do throws(InflateError) {
                let inflated = try inflater.inflate(ByteBuffer(bytes: input), maximumBytes: most)
                fuzzer.note(
                    "\(inflated.readableBytes.bitWidth - inflated.readableBytes.leadingZeroBitCount) \(input.count / 8)",
                    fault: inflated.readableBytes > most ? "it was inflated too far" : nil
                )
            } catch {
                fuzzer.note("\(error)")
            }
        }
    }

    @Test("addresses: whatever a proxy's field says, the client is an address, unknown, or the peer")
    func forwarded() throws {
        let proxies = try TrustedProxies(["10.0.0.0/8"], field: .forwarded)
        let peer = try #require(ClientAddress("10.0.0.1".utf8))
        var fuzzer = Fuzzer(
            "forwarded",
            2_000,
            samples: [
                "for=192.0.2.1;proto=https", #"for="[2001:db8::1]:4711";by=10.0.0.2, for=10.0.0.3"#, "for=unknown",
                "for=_x",
            ],
            words: [
                "for=", ";", ",", "\"", "[", "]", ":", "\\", "proto=", "unknown", "%eth0", "::", "255", "\u{0}", "é",
            ]
        )
        while let input = fuzzer.next() {
            let told = proxies.client(
                of: ["forwarded": String(decoding: input, as: UTF8.self)],
                from: peer
            )
            let isSound = told.address.host == .unknown || ClientAddress(told.address.description.utf8) == told.address
            fuzzer.note(
                "\(told.address.hostText.count) \(String(describing: told.isSecure))",
                fault: isSound ? nil : "an address that isn't one: \(told.address)"
            )
        }
    }
}
