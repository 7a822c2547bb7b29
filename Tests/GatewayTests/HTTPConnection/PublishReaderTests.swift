import NIOCore
import NIOEmbedded
import SluiceCore
import Testing

@testable import Gateway

@Suite("PublishReader")
struct PublishReaderTests {
    private static let short = "POST /topics/a HTTP/1.1\r\nhost:a\r\ncontent-length:2\r\n\r\n{}"

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Sends the same pieces to a connection with a reader and to one without, and compares after each what can be seen.
    @discardableResult
    private func compare(
        _ pieces: [String],
        limits: HTTPLimits = HTTPLimits(),
        answers: Bool = true
    ) throws -> ReaderHarness {
        let short = try ReaderHarness(reads: true, limits: limits)
        let long = try ReaderHarness(reads: false, limits: limits)
        for (index, piece) in pieces.enumerated() {
            for harness in [short, long] {
                harness.send(piece)
                if answers { harness.answer() }
            }
            #expect(short.visible == long.visible, "after piece \(index) of \(pieces.map(\.debugDescription))")
        }
        for harness in [short, long] { for _ in 0..<4 { harness.answer() } }
        #expect(short.visible == long.visible, "after \(pieces.map(\.debugDescription))")
        return short
    }

    @Test("takes the publishes behind the first in front of the decoder")
    func takes() throws {
        let harness = try ReaderHarness(reads: true)
        harness.send(Self.short)
        harness.answer()
        #expect(harness.decodedBytes == Self.short.utf8.count)
        harness.send(Self.short + Self.short)
        harness.answer()
        harness.send(PublishHarness.publish("b/c", fields: "content-type: text/plain\r\n", body: "hällo"))
        harness.answer()
        #expect(harness.decodedBytes == Self.short.utf8.count)
        #expect(harness.statuses == [202, 202, 202, 202])
        #expect(harness.records.last == "b/c text/plain \(Array("hällo".utf8))")
    }

    @Test("gives the decoder what it doesn't take whole, and takes what comes behind it")
    func passes() throws {
        let harness = try ReaderHarness(reads: true)
        harness.send(Self.short)
        harness.answer()
        var decoded = Self.short.utf8.count
        let large = PublishHarness.publish("large", body: "[\(String(repeating: "1,", count: 500))1]")
        harness.send(String(large.prefix(100)))
        harness.send(String(large.dropFirst(100).prefix(300)))
        harness.send(large.dropFirst(400) + Self.short)
        harness.answer()
        decoded += large.utf8.count
        #expect(harness.decodedBytes == decoded)
        #expect(harness.statuses == [202, 202, 202])
        // A topic that breaks the rules is the long way's to refuse.
        let invalid = PublishHarness.publish(String(repeating: "x", count: 401))
        harness.send(invalid + Self.short)
        harness.answer()
        #expect(harness.decodedBytes == decoded + invalid.utf8.count)
        #expect(harness.statuses == [202, 202, 202, 400, 202])
    }

    @Test("leaves the connection to the decoder for good with the first request of another kind")
    func leaves() throws {
        let harness = try ReaderHarness(reads: true)
        harness.send(Self.short + PublishHarness.get("/x") + Self.short)
        harness.answer()
        harness.answer()
        harness.send(Self.short)
        harness.answer()
        let count = 3 * Self.short.utf8.count + PublishHarness.get("/x").utf8.count
        #expect(harness.decodedBytes == count)
        #expect(harness.statuses == [202, 200, 202, 202])
    }

    @Test("comes to the decoder's result wherever requests are split in two")
    func twoPieces() throws {
        let text =
            Self.short + PublishHarness.publish("b", fields: "content-type: text/plain\r\n", body: "x") + Self.short
        let bytes = Array(text.utf8)
        for split in 0...bytes.count {
            let harness = try compare([Self.text(bytes[..<split]), Self.text(bytes[split...])])
            #expect(harness.statuses == [202, 202, 202])
        }
    }

    @Test("comes to the decoder's result wherever a request is split in three")
    func threePieces() throws {
        let bytes = Array(Self.short.utf8)
        // One behind the first, which the decoder gets in any case.
        let short = try ReaderHarness(reads: true)
        short.send(Self.short)
        short.answer()
        var count = 1
        for first in 1..<bytes.count - 1 {
            for second in first + 1..<bytes.count {
                for piece in [bytes[..<first], bytes[first..<second], bytes[second...]] { short.send(Self.text(piece)) }
                short.answer()
                count += 1
            }
            guard short.statuses.count != count || !short.isOpen else { continue }
            Issue.record("split at \(first)")
            return
        }
        #expect(short.records == Array(repeating: "a application/json [123, 125]", count: count))
        for first in stride(from: 1, to: bytes.count - 1, by: 7) {
            for second in first + 1..<bytes.count {
                try compare([
                    Self.short, Self.text(bytes[..<first]), Self.text(bytes[first..<second]),
                    Self.text(bytes[second...]),
                ])
            }
        }
    }

    @Test("a head in many pieces goes to the decoder with its second piece")
    func trickle() throws {
        try compare((Self.short + Self.short).utf8.map { Self.text([$0]) })
        let harness = try ReaderHarness(reads: true)
        harness.send(Self.short)
        let pieces = Self.short.utf8.map { Self.text([$0]) }
        harness.send(pieces[0])
        #expect(harness.decodedBytes == Self.short.utf8.count)
        harness.send(pieces[1])
        #expect(harness.decodedBytes == Self.short.utf8.count + 2)
    }

    /// What a client could send to have two readers disagree about where a request ends.
    private static let ambiguous = [
        "host: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n",
        "host: a\r\ncontent-length: 2\r\ncontent-length: 3\r\n",
        "host: a\r\ncontent-length: 2\r\ncontent-length: 2\r\n", "host: a\r\ncontent-length: 2, 3\r\n",
        "host: a\r\ncontent-length: 2\ncontent-length: 40\r\n", "host: a\r\ncontent-length: +2\r\n",
        "host: a\r\ncontent-length: 2\r\n\ttransfer-encoding: chunked\r\n", "host: a\r\ncontent-length:\r\n 40\r\n",
        "host: a\r\ncontent-length: 2\r\ntransfer-encoding : chunked\r\n", "host: a\r\ncontent-length: 0x2\r\n",
        "host: a\r\ncontent-length: 2\r\ntransfer_encoding: chunked\r\n", "host: a\r\ncontent-length: 1e2\r\n",
        "host: a\r\ncontent-length: 2\r\ntransfer-encoding: x\u{B}chunked\r\n", "host: a\r\ncontent-length : 40\r\n",
        "host: a\r\ncontent-length: 0000000000000000000000000000000000000002\r\n", "host: a\r\ncontent_length: 40\r\n",
        "host: a\r\ncontent-length: 18446744073709551618\r\n", "host: a\r\ncontent-length: 4294967298\r\n",
        "host: a\r\ncontent-length: 2\r\nx: y\rtransfer-encoding: chunked\r\n", "host: a\r\ncontent-length: 2;40\r\n",
        "host: a\r\ncontent-length: 2\r\nx: y\ntransfer-encoding: chunked\r\n", "host: a\r\ncontent-length: 2 40\r\n",
        "host: a\r\ncontent-length: 2\r\nte: chunked\r\nconnection: te\r\n", "host: a\r\ncontent-length: -2\r\n",
        "host: a\r\ncontent-length: 2\r\nconnection: content-length\r\n",
        "host: a\r\nx: \"\r\ncontent-length: 2\r\ny: \"\r\n",
        "host: a\r\ncontent-length: 2\r\nproxy-connection: close\r\n",
        "host: a\r\ncontent-length:2\r\nupgrade: h2c\r\n",
        "host: a\r\ncontent-length: 2\r\nproxy-connection: keep-alive\r\n", "content-length: 2\r\n",
        "host: a\r\ncontent-length: 2\r\nconnection: keep-alive\r\nconnection: close\r\n",
        "host: a\r\ncontent-length: 2\r\nconnection: keep-alive, close\r\n", "host: a\r\n\u{0}content-length: 2\r\n",
        "host: a\r\ncontent-length: 2\r\nconnection: upgrade\r\nupgrade: websocket\r\n",
        "host: a\r\ncontent-type: text/plain  \r\ncontent-length: 2  \r\n",
        "host: a\r\ncontent-type:\r\ncontent-length: 2\r\n",
        "host: a\r\ncontent-type: a\r\ncontent-type: b\r\ncontent-length: 2\r\n", "host: a\r\ncontent-length: 0\r\n",
    ]

    @Test("ends requests where the decoder ends them", arguments: PublishReaderTests.ambiguous)
    func smuggling(fields: String) throws {
        let hidden = PublishHarness.publish("hidden")
        for body in ["{}", "2\r\n{}\r\n0\r\n\r\n", "0\r\n\r\n"] {
            let request = "POST /topics/outer HTTP/1.1\r\n\(fields)\r\n\(body)"
            try compare([request + hidden + Self.short])
            try compare([Self.short, request + hidden + Self.short])
            let half = request.utf8.count / 2
            try compare([Self.short, String(request.prefix(half)), request.dropFirst(half) + hidden])
        }
    }
}
