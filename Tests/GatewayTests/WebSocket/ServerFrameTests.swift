import NIOCore
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

@Suite("ServerFrame")
struct ServerFrameTests {
    @Test("encodes each length with the shortest header", arguments: [0, 1, 125, 126, 65_535, 65_536, 100_000])
    func lengths(count: Int) {
        let payload = [UInt8](repeating: 7, count: count)
        var buffer = ServerFrame.frame(.binary, payload)
        #expect(buffer.readableBytes == count + (count < 126 ? 2 : count < 65_536 ? 4 : 10))
        #expect(ServerFrame.frame(.binary, ByteBuffer(bytes: payload)) == buffer)
        #expect(ReceivedFrame.read(&buffer) == [ReceivedFrame(opcode: 2, payload: payload)])
    }

    @Test("writes every close code with its reason", arguments: CloseCode.allCases)
    func close(code: CloseCode) {
        var buffer = ServerFrame.close(code)
        let frame = ReceivedFrame.read(&buffer).first
        #expect(frame?.opcode == 8)
        #expect(frame?.closeCode == code.rawValue)
        #expect(frame.map { Array($0.payload.dropFirst(2)) } == Array(code.reason.utf8))
    }
}
