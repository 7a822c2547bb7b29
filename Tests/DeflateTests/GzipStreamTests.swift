import CZlib
import NIOCore
import Testing

@testable import Deflate

@Suite("GzipStream")
struct GzipStreamTests {
    private let rule = CompressionRule(minimumBytes: 100)

    /// Reads a gzip stream, its checksum included.
    private func read(_ bytes: ByteBuffer) -> (text: [UInt8], isComplete: Bool) {
        var stream = z_stream()
        guard inflateInit2_(&stream, MAX_WBITS + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            return ([], false)
        }
        defer { inflateEnd(&stream) }
        var input = Array(bytes.readableBytesView)
        var output = [UInt8](repeating: 0, count: 1 << 20)
        let (room, given) = (UInt32(output.count), UInt32(input.count))
        let code = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = given
                stream.next_out = output.baseAddress
                stream.avail_out = room
                return inflate(&stream, Z_SYNC_FLUSH)
            }
        }
        return (
            Array(output.prefix(output.count - Int(stream.avail_out))), code == Z_STREAM_END && stream.avail_in == 0
        )
    }

    private func text(_ count: Int) -> [UInt8] { Array(String(repeating: "event \(count) ", count: count).utf8) }

    @Test("shared parts stand in several streams beside what is each stream's own, and the checksums are right")
    func shared() {
        let messages = [text(1), text(50), text(3), text(9_000)]
        let parts = messages.map { message in
            var blocks = ByteBuffer()
            let checksum = message.withUnsafeBytes { GzipPart.append($0, rule, to: &blocks) }
            return GzipPart(blocks: blocks, checksum: checksum, plainByteCount: UInt32(message.count))
        }
        for name in ["one", "another"] {
            var stream = GzipStream()
            var bytes = ByteBuffer()
            var expected: [UInt8] = []
            for (message, part) in zip(messages, parts) {
                let own = Array("\(name) \(message.count)\n".utf8)
                own.withUnsafeBytes { stream.append($0, rule, to: &bytes) }
                stream.append(part, to: &bytes)
                expected += own + message
                // What has come so far can be read so far.
                #expect(read(bytes).text == expected)
            }
            stream.end(&bytes)
            let result = read(bytes)
            #expect(result.text == expected)
            #expect(result.isComplete)
        }
    }

    @Test("large bytes that aren't compressed take several blocks, and a stream of nothing is one")
    func stored() {
        let noise = (0..<200_000).map { _ in UInt8.random(in: 0...255) }
        var stream = GzipStream()
        var bytes = ByteBuffer()
        noise.withUnsafeBytes { stream.append($0, rule, to: &bytes) }
        stream.end(&bytes)
        #expect(bytes.readableBytes < noise.count + 64)
        #expect(read(bytes).text == noise)
        #expect(read(bytes).isComplete)
        var empty = GzipStream()
        var nothing = ByteBuffer()
        empty.end(&nothing)
        #expect(read(nothing).text == [])
        #expect(read(nothing).isComplete)
    }
}
