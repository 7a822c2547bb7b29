import NIOCore
import SluiceCore
import Testing

@testable import Gateway

@Suite("MessageAssembler")
struct MessageAssemblerTests {
    private static func frame(
        _ opcode: UInt8,
        _ text: String = "",
        final isFinal: Bool = true
    ) -> InboundFrame {
        InboundFrame(isFinal: isFinal, opcode: opcode, payload: ByteBuffer(string: text))
    }

    private func run(_ frames: [InboundFrame], limit: Int = 100) -> [MessageAssembler.Event] {
        var assembler = MessageAssembler(maximumMessageBytes: limit, budget: .silent())
        return frames.map { assembler.append($0) }
    }

    private func message(_ text: String, isText: Bool = true) -> MessageAssembler.Event {
        .message(InboundMessage(isText: isText, payload: ByteBuffer(string: text)))
    }

    @Test("gives whole messages, empty ones too")
    func whole() {
        #expect(
            run([Self.frame(1, "a"), Self.frame(2, "b"), Self.frame(1)]) == [
                message("a"), message("b", isText: false), message(""),
            ]
        )
    }

    @Test("joins fragments, with control frames in between")
    func fragments() {
        let events = run([
            Self.frame(1, "a", final: false), Self.frame(9, "x"), Self.frame(0, "", final: false), Self.frame(10, "y"),
            Self.frame(0, "b"), Self.frame(1, "c"),
        ])
        #expect(
            events == [.incomplete, .ping(ByteBuffer(string: "x")), .incomplete, .pong, message("ab"), message("c")]
        )
    }

    @Test("fails a continuation of nothing, and a message inside a message")
    func order() {
        #expect(run([Self.frame(0, "a")]) == [.failure(.protocolError)])
        #expect(run([Self.frame(0, "a", final: false)]) == [.failure(.protocolError)])
        #expect(run([Self.frame(1, "a", final: false), Self.frame(1, "b")]).last == .failure(.protocolError))
        #expect(
            run([Self.frame(2, "a", final: false), Self.frame(2, "b", final: false)]).last == .failure(.protocolError)
        )
        #expect(run([Self.frame(1, "a"), Self.frame(0, "b")]).last == .failure(.protocolError))
    }

    @Test("fails reserved opcodes", arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8])
    func reservedOpcodes(opcode: UInt8) {
        #expect(run([Self.frame(opcode)]) == [.failure(.protocolError)])
        #expect(run([Self.frame(1, "a", final: false), Self.frame(opcode)]).last == .failure(.protocolError))
    }

    @Test(
        "fails reserved bits and frames that aren't masked, control frames too",
        arguments: [1, 2, 8, 9, 10] as [UInt8]
    )
    func reservedBitsAndMasks(opcode: UInt8) {
        var reserved = Self.frame(opcode)
        reserved.hasReservedBits = true
        #expect(run([reserved]) == [.failure(.protocolError)])
        var unmasked = Self.frame(opcode)
        unmasked.isMasked = false
        #expect(run([unmasked]) == [.failure(.protocolError)])
    }

    @Test("fails control frames that are fragmented or longer than 125 bytes", arguments: [8, 9, 10] as [UInt8])
    func controlFrames(opcode: UInt8) {
        #expect(run([Self.frame(opcode, "a", final: false)]) == [.failure(.protocolError)])
        #expect(run([Self.frame(opcode, String(repeating: "a", count: 126))]) == [.failure(.protocolError)])
        #expect(run([Self.frame(opcode, String(repeating: "a", count: 125))]) != [.failure(.protocolError)])
    }

    @Test("limits a message over all its fragments, and begins again after each")
    func size() {
        #expect(run([Self.frame(2, "12345")], limit: 5) == [message("12345", isText: false)])
        #expect(run([Self.frame(2, "123456")], limit: 5) == [.failure(.messageTooBig)])
        let parts = [
            Self.frame(2, "123", final: false), Self.frame(9, "12345"), Self.frame(0, "45", final: false),
            Self.frame(0, "6"),
        ]
        #expect(run(parts, limit: 5).last == .failure(.messageTooBig))
        #expect(
            run([Self.frame(1, "123", final: false), Self.frame(0, "45"), Self.frame(1, "12345")], limit: 5).last
                == message("12345")
        )
    }

    @Test("checks UTF-8 across fragments and fails at the first faulty one")
    func text() {
        var assembler = MessageAssembler(maximumMessageBytes: 100, budget: .silent())
        let bytes = Array("aé😀".utf8)
        for (index, byte) in bytes.enumerated() {
            let isLast = index == bytes.count - 1
            let event = assembler.append(
                InboundFrame(isFinal: isLast, opcode: index == 0 ? 1 : 0, payload: ByteBuffer(bytes: [byte]))
            )
            #expect(event == (isLast ? message("aé😀") : .incomplete))
        }
        var early = MessageAssembler(maximumMessageBytes: 100, budget: .silent())
        #expect(
            early.append(InboundFrame(isFinal: false, opcode: 1, payload: ByteBuffer(bytes: [0xF4]))) == .incomplete
        )
        #expect(
            early.append(InboundFrame(isFinal: false, opcode: 0, payload: ByteBuffer(bytes: [0x90])))
                == .failure(.invalidPayload)
        )
    }

    @Test("fails a text that ends inside a character, and lets binary be anything")
    func endOfText() {
        var cut = MessageAssembler(maximumMessageBytes: 100, budget: .silent())
        #expect(
            cut.append(InboundFrame(opcode: 1, payload: ByteBuffer(bytes: [0x61, 0xC3]))) == .failure(.invalidPayload)
        )
        var binary = MessageAssembler(maximumMessageBytes: 100, budget: .silent())
        let payload = ByteBuffer(bytes: [0xFF, 0xC3])
        #expect(
            binary.append(InboundFrame(opcode: 2, payload: payload))
                == .message(InboundMessage(isText: false, payload: payload))
        )
    }

    @Test("gives the payload of a close frame")
    func close() {
        #expect(run([Self.frame(1, "a", final: false), Self.frame(8, "xy")]).last == .close(ByteBuffer(string: "xy")))
    }

    @Test("unfinished messages share one budget, and leave it when they are complete")
    func budget() {
        let budget = ByteBudget.silent(5)
        var first = MessageAssembler(maximumMessageBytes: 100, budget: budget)
        var second = MessageAssembler(maximumMessageBytes: 100, budget: budget)
        #expect(first.append(Self.frame(1, "abc", final: false)) == .incomplete)
        #expect(second.append(Self.frame(1, "abc", final: false)) == .failure(.tryAgainLater))
        #expect(first.append(Self.frame(0, "d")) == message("abcd"))
        #expect(budget.heldBytes == 0)
        #expect(second.append(Self.frame(2, "abcdefgh")) == .failure(.protocolError))
    }
}

extension MessageAssembler {
    /// Takes a frame at a time that makes no difference.
    mutating func append(_ frame: InboundFrame) -> Event { append(frame, now: 0) }
}
