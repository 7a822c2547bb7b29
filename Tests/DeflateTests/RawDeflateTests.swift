import NIOCore
import Testing

@testable import Deflate

@Suite("RawDeflater and RawInflater")
struct RawDeflateTests {
    private func compressed(_ message: [UInt8], _ window: DeflateWindow = .full) throws -> ByteBuffer? {
        let deflater = try RawDeflater(window)
        return message.withUnsafeBytes { deflater.withCompressed($0) { ByteBuffer(bytes: $0) } }
    }

    private func inflate(_ bytes: [UInt8], maximumBytes: Int = 1 << 20) throws -> [UInt8] {
        Array(try RawInflater().inflate(ByteBuffer(bytes: bytes), maximumBytes: maximumBytes).readableBytesView)
    }

    private func text(_ count: Int) -> [UInt8] { Array(String(repeating: #"{"n":1,"name":"x"},"#, count: count).utf8) }

    @Test("a message comes back as it was, of any size and window", arguments: DeflateWindow.allCases)
    func roundTrip(window: DeflateWindow) throws {
        let deflater = try RawDeflater(window)
        let inflater = try RawInflater()
        for count in [2, 10, 100, 1_000, 20_000] {
            let message = text(count)
            let small = message.withUnsafeBytes { deflater.withCompressed($0) { ByteBuffer(bytes: $0) } }
            let bytes = try #require(small)
            #expect(bytes.readableBytes < message.count)
            let again = try inflater.inflate(bytes, maximumBytes: message.count)
            #expect(Array(again.readableBytesView) == message)
        }
    }

    @Test("a message is the same whatever came before it")
    func noContext() throws {
        let deflater = try RawDeflater(.full)
        let message = text(100)
        let results = [message, text(3), message].map { message in
            message.withUnsafeBytes { deflater.withCompressed($0) { Array($0) } }
        }
        #expect(results[0] == results[2])
    }

    @Test("what doesn't become smaller is left alone")
    func random() throws {
        let noise = (0..<5_000).map { _ in UInt8.random(in: 0...255) }
        #expect(try compressed(noise) == nil)
        #expect(try compressed([]) == nil)
        #expect(try compressed([1, 2, 3, 4, 5]) == nil)
    }

    @Test("a bomb is stopped at the limit, at less than which all comes")
    func bomb() throws {
        let zeros = [UInt8](repeating: 0, count: 1_000_000)
        let bomb = Array(try #require(try compressed(zeros)).readableBytesView)
        #expect(bomb.count < 5_000)
        #expect(throws: InflateError.tooLarge) { try inflate(bomb, maximumBytes: 999_999) }
        #expect(throws: InflateError.tooLarge) { try inflate(bomb, maximumBytes: 0) }
        #expect(try inflate(bomb, maximumBytes: 1_000_000) == zeros)
        // The next message isn't touched by it.
        let inflater = try RawInflater()
        #expect(throws: InflateError.tooLarge) { try inflater.inflate(ByteBuffer(bytes: bomb), maximumBytes: 10) }
        #expect(try inflater.inflate(ByteBuffer(bytes: bomb), maximumBytes: 1_000_000).readableBytes == 1_000_000)
    }

    @Test(
        "reads the examples of RFC 7692, section 7.2.3",
        arguments: [
            [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
            [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
            [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
            // Nothing behind the last block.
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
        ] as [[UInt8]]
    )
    func examples(bytes: [UInt8]) throws { #expect(try inflate(bytes) == Array("Hello".utf8)) }

    @Test("an empty message is one", arguments: [[], [0x00], [0x02, 0x00]] as [[UInt8]])
    func empty(bytes: [UInt8]) throws { #expect(try inflate(bytes).isEmpty) }

    @Test(
        "refuses what isn't deflated or is cut off",
        arguments: [
            [0xFF, 0xFF, 0xFF], [0x07], [0xF2, 0x48, 0xCD, 0xC9], [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48],
            [0x00, 0x05, 0x00, 0x00, 0x00, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
            [0x01, 0x00],
        ] as [[UInt8]]
    )
    func broken(bytes: [UInt8]) { #expect(throws: InflateError.broken) { try inflate(bytes) } }

    @Test("does no harm whatever the bytes are")
    func noise() throws {
        let inflater = try RawInflater()
        let good = Array(try #require(try compressed(text(100))).readableBytesView)
        for _ in 0..<3_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4) { bytes[Int.random(in: bytes.indices)] = UInt8.random(in: 0...255) }
            bytes.removeLast(Int.random(in: 0..<bytes.count))
            let result = try? inflater.inflate(ByteBuffer(bytes: bytes), maximumBytes: 4_000)
            #expect((result?.readableBytes ?? 0) <= 4_000)
        }
        #expect(
            Array(try inflater.inflate(ByteBuffer(bytes: good), maximumBytes: 10_000).readableBytesView) == text(100)
        )
    }

    @Test("windows are the largest that fit")
    func windows() {
        #expect(
            (8...16).map { DeflateWindow(atMost: $0) } == [
                nil, .small, .small, .small, .medium, .medium, .medium, .full, .full,
            ]
        )
    }
}
