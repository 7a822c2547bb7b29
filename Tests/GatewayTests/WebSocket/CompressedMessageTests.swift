import Deflate
import NIOCore
import SluiceCore
import Testing

@testable import Gateway

@Suite("MessageAssembler with compression")
struct CompressedMessageTests {
    private static func compressed(_ bytes: [UInt8]) -> ByteBuffer {
        bytes.withUnsafeBytes { bytes in
            ThreadCompressors.current.deflater(.full)?.withCompressed(bytes) { ByteBuffer(bytes: $0) }
        } ?? ByteBuffer()
    }

    private static func frame(
        _ opcode: UInt8,
        _ payload: ByteBuffer,
        isCompressed: Bool = true,
        isFinal: Bool = true
    ) -> InboundFrame {
        InboundFrame(isFinal: isFinal, isCompressed: isCompressed, opcode: opcode, payload: payload)
    }

    private func assembler(limit: Int = 100_000) -> MessageAssembler {
        MessageAssembler(
            maximumMessageBytes: limit,
            budget: .silent(),
            allowance: InflateAllowance(maximumMessageBytes: limit, now: 0)
        )
    }

    private let text = String(repeating: "größer ", count: 1_000)

    @Test("inflates whole messages and fragmented ones, beside those that aren't compressed")
    func messages() {
        var assembler = assembler()
        let whole = MessageAssembler.Event.message(InboundMessage(isText: true, payload: ByteBuffer(string: text)))
        let payload = Self.compressed(Array(text.utf8))
        #expect(assembler.append(Self.frame(1, payload)) == whole)
        #expect(assembler.append(Self.frame(1, ByteBuffer(string: text), isCompressed: false)) == whole)
        var bytes = Array(payload.readableBytesView)
        let last = bytes.removeLast()
        for (index, byte) in bytes.enumerated() {
            let part = Self.frame(
                index == 0 ? 1 : 0,
                ByteBuffer(bytes: [byte]),
                isCompressed: index == 0,
                isFinal: false
            )
            #expect(assembler.append(part) == .incomplete)
            #expect(assembler.append(Self.frame(9, ByteBuffer(), isCompressed: false)) == .ping(ByteBuffer()))
        }
        #expect(assembler.append(Self.frame(0, ByteBuffer(bytes: [last]), isCompressed: false)) == whole)
        let binary = [UInt8](repeating: 0xFF, count: 300)
        #expect(
            assembler.append(Self.frame(2, Self.compressed(binary)))
                == .message(InboundMessage(isText: false, payload: ByteBuffer(bytes: binary)))
        )
    }

    @Test("the bit is for first frames of messages where compression was negotiated")
    func bit() {
        let payload = Self.compressed(Array(text.utf8))
        var plain = MessageAssembler(maximumMessageBytes: 100_000, budget: .silent())
        #expect(plain.append(Self.frame(1, payload)) == .failure(.protocolError))
        for opcode in [8, 9, 10, 3, 11] as [UInt8] {
            var assembler = assembler()
            #expect(assembler.append(Self.frame(opcode, ByteBuffer())) == .failure(.protocolError))
        }
        var assembler = assembler()
        #expect(assembler.append(Self.frame(1, payload, isFinal: false)) == .incomplete)
        #expect(assembler.append(Self.frame(0, payload)) == .failure(.protocolError))
    }

    @Test("text is checked when it is inflated")
    func utf8() {
        var bytes = Array(text.utf8)
        bytes.append(0xC3)
        var assembler = assembler()
        #expect(assembler.append(Self.frame(1, Self.compressed(bytes))) == .failure(.invalidPayload))
        bytes.append(0x28)
        #expect(assembler.append(Self.frame(1, Self.compressed(bytes))) == .failure(.invalidPayload))
    }

    @Test("a bomb is too big, and so are many small ones together")
    func bomb() {
        var first = assembler(limit: 100_000)
        let bomb = Self.compressed([UInt8](repeating: 0x61, count: 1_000_000))
        #expect(bomb.readableBytes < 5_000)
        #expect(first.append(Self.frame(1, bomb)) == .inflateFailure(.tooLarge))
        var second = assembler(limit: 100_000)
        let small = Self.compressed([UInt8](repeating: 0x61, count: 100_000))
        var refused: MessageAssembler.Event?
        for _ in 0..<4 {
            let event = second.append(Self.frame(1, small))
            if case .inflateFailure = event { refused = event }
        }
        #expect(refused == .inflateFailure(.allowance))
        #expect(InflateRefusal.tooLarge.code == .messageTooBig)
        #expect(InflateRefusal.allowance.code == .tryAgainLater)
    }

    @Test("broken data breaks the protocol")
    func broken() {
        var assembler = assembler()
        #expect(
            assembler.append(Self.frame(1, ByteBuffer(bytes: [0xFF, 0xFF, 0xFF]))) == .inflateFailure(.broken)
        )
        #expect(InflateRefusal.broken.code == .protocolError)
    }

    @Test("frames of the gateway are compressed when they are large data frames and become smaller")
    func serverFrames() throws {
        let compression = MessageCompression(rule: CompressionRule(minimumBytes: 500), window: .full)
        let large = ServerFrame.frame(.text, Array(text.utf8))
        var small = ServerFrame.compressed(large, compression)
        #expect(small.readableBytes < 126)
        let (first, length) = (small.readInteger(as: UInt8.self), small.readInteger(as: UInt8.self))
        #expect(first == 0xC1)
        #expect(length.map(Int.init) == small.readableBytes)
        let again = try ThreadCompressors.current.inflate(small, maximumBytes: 100_000)
        #expect(String(buffer: again) == text)
        for frame in [
            ServerFrame.frame(.text, Array("short".utf8)), ServerFrame.ping, ServerFrame.close(.goingAway),
            ServerFrame.frame(.binary, (0..<70_000).map { _ in UInt8.random(in: 0...255) }),
        ] {
            #expect(ServerFrame.compressed(frame, compression) == frame)
        }
    }
}
