import NIOCore
import SluiceCore
import Testing

@testable import Gateway

@Suite("CloseHandshake")
struct CloseHandshakeTests {
    @Test("answers a client's close with its code and ends")
    func answers() {
        var handshake = CloseHandshake()
        #expect(handshake.received(.code(1000), until: 1_000) == .answer(1000))
        #expect(!handshake.isOpen)
        #expect(handshake.received(.code(1000), until: 1_000) == .none)
        #expect(handshake.close(.goingAway, until: 0) == .none)
        #expect(handshake.isOverdue(now: 999) == false)
        // A client that doesn't take the answer isn't kept for it.
        #expect(handshake.isOverdue(now: 1_000) == true)
        #expect(handshake.isOverdue(now: .max) == false)
        var empty = CloseHandshake()
        #expect(empty.received(.empty, until: 1_000) == .answer(nil))
        var faulty = CloseHandshake()
        #expect(faulty.received(.faulty(.invalidPayload), until: 1_000) == .sendAndEnd(.invalidPayload))
    }

    @Test("sends its own close once and ends with the client's answer")
    func closes() {
        var handshake = CloseHandshake()
        #expect(handshake.close(.slowConsumer, until: 10) == .send(.slowConsumer))
        #expect(handshake.close(.goingAway, until: 5) == .none)
        #expect(!handshake.isOpen)
        #expect(handshake.isOverdue(now: 9) == false)
        #expect(handshake.received(.faulty(.protocolError), until: 1_000) == .end)
        #expect(handshake.isOverdue(now: 10) == false)
    }

    @Test("lingers after a failure until the client's close or the deadline")
    func fails() {
        var handshake = CloseHandshake()
        #expect(handshake.fail(.messageTooBig, until: 10) == .sendAndLinger(.messageTooBig))
        #expect(!handshake.isOpen)
        #expect(handshake.fail(.protocolError, until: 20) == .none)
        #expect(handshake.close(.goingAway, until: 20) == .none)
        #expect(handshake.isOverdue(now: 9) == false)
        var cut = handshake
        #expect(cut.isOverdue(now: 10) == true)
        #expect(handshake.received(.code(1009), until: 1_000) == .end)
        #expect(handshake.isOverdue(now: 10) == false)
    }

    @Test("ends without an answer when its time is over, once")
    func overdue() {
        var handshake = CloseHandshake()
        #expect(handshake.isOverdue(now: .max) == false)
        _ = handshake.close(.goingAway, until: 10)
        #expect(handshake.isOverdue(now: 10) == true)
        #expect(handshake.isOverdue(now: 11) == false)
        #expect(handshake.received(.empty, until: 1_000) == .none)
    }

    @Test(
        "takes the codes that may be sent",
        arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 3000, 3999, 4000, 4999]
    )
    func soundCodes(code: UInt16) {
        #expect(
            ClosePayload(ByteBuffer(bytes: [UInt8(code >> 8), UInt8(code & 0xFF)] + Array("ok".utf8))) == .code(code)
        )
    }

    @Test(
        "refuses the codes that may not",
        arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]
    )
    func faultyCodes(code: UInt16) {
        #expect(ClosePayload(ByteBuffer(bytes: [UInt8(code >> 8), UInt8(code & 0xFF)])) == .faulty(.protocolError))
    }

    @Test("refuses half a code and a reason that isn't UTF-8")
    func faultyPayloads() {
        #expect(ClosePayload(ByteBuffer()) == .empty)
        #expect(ClosePayload(ByteBuffer(bytes: [3])) == .faulty(.protocolError))
        #expect(ClosePayload(ByteBuffer(bytes: [3, 232, 0xC3])) == .faulty(.invalidPayload))
    }
}
