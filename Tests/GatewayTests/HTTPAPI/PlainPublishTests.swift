import NIOCore
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

@Suite("PlainPublish")
struct PlainPublishTests {
    private static let request =
        "POST /topics/orders/42 HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\nauthorization: Bearer x\r\n"
        + "content-length: 5\r\n\r\nhello"

    private static func read(_ text: String, _ limits: HTTPLimits = HTTPLimits()) -> PlainPublish.Reading {
        read(Array(text.utf8), limits)
    }

    private static func read(_ bytes: [UInt8], _ limits: HTTPLimits = HTTPLimits()) -> PlainPublish.Reading {
        bytes.withUnsafeBytes { PlainPublish.read($0, limits: limits) }
    }

    private static func isPublish(_ reading: PlainPublish.Reading) -> Bool {
        if case .publish = reading { true } else { false }
    }

    /// A request whose head has more fields, or others.
    private static func request(_ fields: String, topic: String = "a", version: String = "HTTP/1.1") -> String {
        "POST /topics/\(topic) \(version)\r\n\(fields)\r\n{}"
    }

    @Test("finds the parts of a publish, whatever follows it")
    func parts() throws {
        for rest in ["", "POST /", "\0\0", Self.request] {
            let text = Self.request + rest
            guard case .publish(let publish) = Self.read(text) else {
                Issue.record("not found before '\(rest)'")
                continue
            }
            func part(_ range: Range<Int>) -> String { String(decoding: Array(text.utf8)[range], as: UTF8.self) }
            #expect(part(publish.topic) == "orders/42")
            #expect(publish.contentType.map(part) == "text/plain")
            #expect(publish.authorization.map(part) == "Bearer x")
            #expect(part(publish.body) == "hello")
            #expect(publish.byteCount == Self.request.utf8.count)
        }
    }

    @Test("tells at every byte how far a publish has come")
    func prefixes() {
        let bytes = Array(Self.request.utf8)
        let headCount = bytes.count - 5
        for count in 0...bytes.count {
            let reading = Self.read(Array(bytes[..<count]))
            switch count {
            case ..<headCount: #expect(reading == .incomplete, "\(count)")
            case ..<bytes.count: #expect(reading == .partial(byteCount: bytes.count), "\(count)")
            default: #expect(Self.isPublish(reading))
            }
        }
    }

    @Test("takes fields in any case and order, spaces before values, and fields that it doesn't know")
    func forms() {
        for fields in [
            "Host: a\r\nContent-Length: 2\r\n", "CONTENT-LENGTH:2\r\nHOST:a\r\n",
            "host: \r\ncontent-length: 0002\r\n",
            "host:   a b\r\nx-1: \r\ncontent-length:    2\r\nconnection: Keep-Alive\r\n",
            "host: a\r\ncontent-length: 2\r\naccept: */*\r\naccept: a\r\nkeep-alive: 5\r\nuser-agent: x (y; z)\r\n",
        ] {
            #expect(Self.isPublish(Self.read(Self.request(fields))), "\(fields.debugDescription)")
        }
        #expect(Self.isPublish(Self.read("POST /topics/a HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")))
    }

    @Test(
        "leaves to the decoder what isn't plain",
        arguments: [
            "content-length: 2\r\n", "host: a\r\n", "host: a\r\nhost: a\r\ncontent-length: 2\r\n",
            "host: a\r\ncontent-length: 2\r\ncontent-length: 2\r\n", "host: a\r\ncontent-length: 2, 2\r\n",
            "host: a\r\ncontent-length: +2\r\n", "host: a\r\ncontent-length: -2\r\n",
            "host: a\r\ncontent-length: 0x2\r\n",
            "host: a\r\ncontent-length: 2 2\r\n", "host: a\r\ncontent-length: \r\n",
            "host: a\r\ncontent-length: 2;\r\n",
            "host: a\r\ncontent-length: 0000000002\r\n", "host: a\r\ncontent-length: 18446744073709551618\r\n",
            "host: a \r\ncontent-length: 2\r\n", "host: a\r\ncontent-type: x  \r\ncontent-length: 2\r\n",
            "host: a\r\ncontent-length:\t2\r\n", "host: a\r\ncontent-length: 2 \r\n",
            "host: a\r\ncontent-length: 2\t\r\n",
            "host: a\r\ncontent-length : 2\r\n",
            "host: a\r\n content-length: 2\r\n", "host: a\r\nx: y\r\n z\r\ncontent-length: 2\r\n",
            "host: a\r\nx:\r\n\ty\r\ncontent-length: 2\r\n", "host: a\ncontent-length: 2\r\n",
            "host: a\rcontent-length: 2\r\n", "host: a\r\r\ncontent-length: 2\r\n",
            "host: a\r\ncontent-length: 2\r\n\n",
            "host: a\r\nx_y: z\r\ncontent-length: 2\r\n", "host: a\r\n: z\r\ncontent-length: 2\r\n",
            "host: a\r\nxyz\r\ncontent-length: 2\r\n", "host: a\r\nx: \u{0}\r\ncontent-length: 2\r\n",
            "host: a\r\nx: \u{7F}\r\ncontent-length: 2\r\n", "host: a\r\nx: ä\r\ncontent-length: 2\r\n",
            "host: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n",
            "host: a\r\ncontent-length: 2\r\nTransfer-Encoding: identity\r\n",
            "host: a\r\ncontent-length: 2\r\nte: trailers\r\n", "host: a\r\ncontent-length: 2\r\ntrailer: x\r\n",
            "host: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n",
            "host: a\r\ncontent-length: 2\r\nupgrade: h2c\r\n",
            "host: a\r\ncontent-length: 2\r\nconnection: close\r\n", "host: a\r\ncontent-length: 2\r\nconnection: \r\n",
            "host: a\r\ncontent-length: 2\r\nconnection: keep-alive, upgrade\r\n",
            "host: a\r\ncontent-length: 2\r\nproxy-connection: close\r\n",
            "host: a\r\ncontent-type: a\r\ncontent-type: b\r\ncontent-length: 2\r\n",
            "host: a\r\nauthorization: a\r\nauthorization: a\r\ncontent-length: 2\r\n",
        ]
    )
    func others(fields: String) { #expect(Self.read(Self.request(fields)) == .other) }

    // A random run found it: the decoder's 400 came one piece earlier than with the reader in front.
    @Test("leaves a line that ends without a carriage return to the decoder before anything follows")
    func bareLineFeedAtTheEnd() {
        #expect(Self.read("POST /topics/a HTTP/1.1\r\nhost: a\n") == .other)
        #expect(Self.read("POST /topics/a HTTP/1.1\r\nhost: a\r") == .incomplete)
        #expect(Self.read("POST /topics/a HTTP/1.1\r\ncontent-length: 5P") == .other)
        #expect(Self.read("POST /topics/a HTTP/1.1\r\ncontent-length: 5") == .incomplete)
        #expect(Self.read("POST /topics/a HTTP/1.1\r\ncontent-length: 5\r") == .incomplete)
        #expect(Self.read("POST /topics/a HTTP/1.1\r\ncontent-length: 1234567890") == .other)
        #expect(Self.read("POST /topics/a HTTP/1.1\r\ncontent-length: \r") == .other)
        #expect(Self.read("POST /topics/a HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: ") == .other)
    }

    @Test("leaves every other request line to the decoder as soon as it differs")
    func requestLines() {
        for line in [
            "GET /topics/a HTTP/1.1", "PUT /topics/a HTTP/1.1", "post /topics/a HTTP/1.1", " POST /topics/a HTTP/1.1",
            "POST  /topics/a HTTP/1.1", "POST /topics HTTP/1.1", "POST /topics/ HTTP/1.1", "POST /topicsx HTTP/1.1",
            "POST http://a/topics/b HTTP/1.1", "POST /topics/a%20b HTTP/1.1", "POST /topics/a?x HTTP/1.1",
            "POST /topics/a#x HTTP/1.1", "POST /topics/a+b HTTP/1.1", "POST /topics/a\tb HTTP/1.1",
            "POST /topics/ä HTTP/1.1", "POST /topics/a HTTP/1.0", "POST /topics/a HTTP/1.2", "POST /topics/a HTTP/2.0",
            "POST /topics/a http/1.1", "POST /topics/a  HTTP/1.1", "POST /topics/a HTTP/1.1 ", "POST /topics/a",
            "\r\nPOST /topics/a HTTP/1.1",
        ] {
            let text = line + "\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}"
            #expect(Self.read(text) == .other, "\(line.debugDescription)")
        }
    }

    @Test("takes the bytes in a topic, a name and a value that both readers take")
    func bytes() {
        let end = Array("\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}".utf8)
        for byte in UInt8.min...UInt8.max {
            let topic = Self.read(Array("POST /topics/a".utf8) + [byte] + Array("b HTTP/1.1".utf8) + end)
            let isPlain = (0x21...0x7E).contains(byte) && !"%?#+".utf8.contains(byte)
            #expect(Self.isPublish(topic) == isPlain, "topic \(byte)")
            let start = Array("POST /topics/a HTTP/1.1\r\n".utf8)
            let name = Self.read(start + Array("x".utf8) + [byte] + Array("y: z".utf8) + end)
            let isNameByte =
                UInt8(ascii: "-") == byte || byte == UInt8(ascii: ":") || (0x30...0x39).contains(byte)
                || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            #expect(Self.isPublish(name) == isNameByte, "name \(byte)")
            let value = Self.read(start + Array("x: y".utf8) + [byte] + Array("z".utf8) + end)
            #expect(Self.isPublish(value) == (0x20...0x7E).contains(byte), "value \(byte)")
        }
    }

    @Test("keeps to the limits of head, fields and payload")
    func limits() {
        var limits = HTTPLimits()
        limits.payloadBytes = 10
        func publish(_ count: Int) -> String {
            "POST /topics/a HTTP/1.1\r\nhost: a\r\ncontent-length: \(count)\r\n\r\n"
        }
        #expect(Self.read(publish(10), limits) == .partial(byteCount: publish(10).utf8.count + 10))
        #expect(Self.read(publish(11), limits) == .other)
        #expect(Self.read(publish(999_999_999)) == .other)
        let head = publish(0)
        limits.headBytes = head.utf8.count
        #expect(Self.isPublish(Self.read(head, limits)))
        #expect(Self.read(Array(head.utf8.dropLast()), limits) == .incomplete)
        limits.headBytes -= 1
        #expect(Self.read(head, limits) == .other)
        #expect(Self.read(Array(head.utf8.dropLast()), limits) == .other)
        limits = HTTPLimits()
        limits.headerFields = 4
        for count in 0...4 {
            let fields = String(repeating: "x: y\r\n", count: count)
            let reading = Self.read(Self.request("host: a\r\n\(fields)content-length: 2\r\n"), limits)
            #expect(Self.isPublish(reading) == (count <= 2), "\(count)")
        }
        let full = "POST /topics/a HTTP/1.1\r\n" + String(repeating: "x: y\r\n", count: 4)
        #expect(Self.read(full, limits) == .incomplete)
        #expect(Self.read(full + "h", limits) == .other)
    }

    @Test("reads anything without harm")
    func anything() {
        let seed = UInt64.random(in: .min ... .max)
        print("PlainPublishTests.anything seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            var bytes = Array(Self.request.utf8)
            if Int.random(in: 0..<4, using: &random) == 0 {
                bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in .random(in: 0...255, using: &random) }
            }
            for _ in 0..<Int.random(in: 0..<6, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = .random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(Array("\r\n :0129%".utf8).randomElement(using: &random) ?? 0, at: place)
                default: bytes.removeLast(bytes.count - place)
                }
            }
            switch Self.read(bytes) {
            case .publish(let publish):
                let bounds = 0..<bytes.count + 1
                #expect(bounds.contains(publish.byteCount) && publish.topic.upperBound < publish.body.lowerBound)
            case .partial(let count): #expect(count > bytes.count)
            case .incomplete, .other: break
            }
        }
    }
}
