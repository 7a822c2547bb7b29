import ChangeQueue
import FanOut
import NIOCore
import NIOEmbedded
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

@Suite("WebSocketConnectionHandler")
struct WebSocketConnectionHandlerTests {
    @Test("greets, answers and forgets a client that goes")
    func life() throws {
        let harness = WebSocketHarness()
        let client = try harness.connect()
        #expect(client.texts().first?.hasPrefix(#"{"type":"connected","connectionId":""#) == true)
        try client.send(#"{"action":"ping","id":"3"}"#)
        #expect(client.texts() == [#"{"type":"pong","id":"3"}"#])
        #expect(harness.loop?.subscribers.count == 1)
        try client.channel.close().wait()
        harness.eventLoop.run()
        #expect(harness.loop?.subscribers.count == 0)
        #expect(harness.registry.events == ["connected -", "disconnected"])
    }

    @Test("echoes text and binary, in fragments and with pings in between")
    func echo() throws {
        let harness = WebSocketHarness()
        let client = try harness.connect("/echo")
        try client.send(
            ClientFrame.text("häß"),
            ClientFrame.bytes(2, [0, 255], isFinal: false),
            ClientFrame.bytes(9, Array("p".utf8)),
            ClientFrame.bytes(0, [1])
        )
        #expect(
            client.read() == [
                ReceivedFrame(opcode: 1, payload: Array("häß".utf8)),
                ReceivedFrame(opcode: 10, payload: Array("p".utf8)),
                ReceivedFrame(opcode: 2, payload: [0, 255, 1]),
            ]
        )
        #expect(harness.registry.events.isEmpty)
    }

    @Test("echoes a message that came a byte at a time")
    func trickle() throws {
        let harness = WebSocketHarness()
        let client = try harness.connect("/echo")
        for byte in ClientFrame.text("slow").readableBytesView { try client.send(ByteBuffer(bytes: [byte])) }
        #expect(client.texts() == ["slow"])
    }

    private static let brokenFrames: [(frame: ByteBuffer, code: UInt16)] = [
        (ClientFrame.bytes(1, [0x61], isMasked: false), 1002), (ClientFrame.bytes(1, [0x61], reservedBits: 0x40), 1002),
        (ClientFrame.bytes(3), 1002), (ClientFrame.bytes(0, [0x61]), 1002),
        (ClientFrame.bytes(9, [0x61], isFinal: false), 1002),
        (ClientFrame.bytes(9, Array(repeating: 1, count: 126)), 1002), (ClientFrame.bytes(1, [0xFF]), 1007),
        (ClientFrame.close(1000, reason: [0xC3]), 1007), (ClientFrame.close(1005), 1002),
        (ClientFrame.bytes(8, [3]), 1002),
        (ClientFrame.bytes(2, Array(repeating: 1, count: 201)), 1009),
    ]

    @Test(
        "fails broken frames with their code and cuts the connection at the deadline",
        arguments: brokenFrames.indices
    )
    func broken(index: Int) throws {
        let (frame, code) = Self.brokenFrames[index]
        let harness = WebSocketHarness { $0.echoMessageBytes = 200 }
        let client = try harness.connect("/echo")
        try client.send(frame, ClientFrame.text("ignored"))
        let frames = client.read()
        #expect(frames.map(\.opcode) == [8])
        #expect(frames.first?.closeCode == code)
        harness.advance(seconds: 4.5)
        // A close frame of the client, even a faulty one, ends the connection at once.
        #expect(client.isOpen == client.isOutputClosed)
        harness.advance(seconds: 0.5)
        #expect(!client.isOpen)
    }

    @Test("discards what follows a frame over the limit until the client closes")
    func lingers() throws {
        let harness = WebSocketHarness { $0.echoMessageBytes = 200 }
        let client = try harness.connect("/echo")
        try client.send(ClientFrame.bytes(2, Array(repeating: 1, count: 201)))
        #expect(client.read().map(\.closeCode) == [1009])
        #expect(client.isOutputClosed)
        for _ in 0..<3 { try client.send(ClientFrame.text("on its way")) }
        #expect(client.read().isEmpty)
        #expect(client.isOpen)
        client.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!client.isOpen)
    }

    @Test("answers a close with its code", arguments: [nil, 1000, 3000, 4999] as [UInt16?])
    func close(code: UInt16?) throws {
        let harness = WebSocketHarness()
        let client = try harness.connect("/echo")
        try client.send(ClientFrame.close(code), ClientFrame.text("ignored"))
        #expect(
            client.read() == [ReceivedFrame(opcode: 8, payload: code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? [])]
        )
        #expect(!client.isOpen)
    }

    @Test("ends a failed connection at once when the client answers the close")
    func closeAfterFailure() throws {
        let harness = WebSocketHarness()
        let client = try harness.connect("/echo")
        try client.send(ClientFrame.bytes(3))
        #expect(client.isOpen)
        try client.send(ClientFrame.close(1002))
        #expect(!client.isOpen)
    }

    @Test("keeps a connection through errors and closes it after too many in a row")
    func errors() throws {
        let harness = WebSocketHarness { $0.errorsInARow = 3 }
        let client = try harness.connect()
        _ = client.read()
        for _ in 0..<3 { try client.send("{") }
        #expect(client.texts().filter { $0.contains(#""code":"InvalidJSON""#) }.count == 3)
        try client.send(#"{"action":"ping"}"#)
        for _ in 0..<3 { try client.send(#"{"action":"dance"}"#) }
        #expect(client.texts().count == 4)
        try client.send("{")
        #expect(client.read().first?.closeCode == 4429)
    }

    @Test("pings a silent client, and closes it when it doesn't answer")
    func keepAlive() throws {
        let harness = WebSocketHarness()
        let quiet = try harness.connect()
        let alive = try harness.connect()
        _ = quiet.read()
        _ = alive.read()
        harness.advance(seconds: 26)
        #expect(quiet.read().map(\.opcode) == [9])
        #expect(alive.read().map(\.opcode) == [9])
        try alive.send(ClientFrame.bytes(10))
        harness.advance(seconds: 34)
        #expect(quiet.read().first?.closeCode == 4009)
        harness.advance(seconds: 5)
        #expect(!quiet.isOpen)
        #expect(alive.isOpen)
    }

    @Test("closes with 1001 within the drain's window")
    func drain() throws {
        let harness = WebSocketHarness(drainNanoseconds: 2_000_000_000)
        let clients = try (0..<20).map { _ in try harness.connect() }
        for client in clients {
            _ = client.read()
            client.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        harness.advance(seconds: 1)
        let early = clients.filter { $0.read().first?.closeCode == 1001 }.count
        harness.advance(seconds: 1.5)
        let late = clients.filter { $0.read().first?.closeCode == 1001 }.count
        #expect(early + late == 20)
        #expect(early > 0 && late > 0)
        for client in clients { try client.send(ClientFrame.close(1001)) }
        #expect(clients.allSatisfy { !$0.isOpen })
    }

    @Test("closes with 4402 when the token ends")
    func expiry() throws {
        let end = StageClock.wallNanoseconds() + 20_000_000_000
        let harness = WebSocketHarness(
            authorizer: FixedAuthorizer(Grant(expiresAtWallNanoseconds: end, subscribe: [.everything]))
        )
        let client = try harness.connectAsynchronously()
        _ = client.read()
        harness.advance(seconds: 5)
        #expect(client.read().isEmpty)
        harness.advance(seconds: 15)
        // A word comes before, when half of the token's time is over.
        let frames = client.read()
        #expect(frames.map(\.closeCode).last == 4402)
        #expect(frames.count == 2)
    }

    // MARK: - Publishing

    @Test("acknowledges a publish after its commit")
    func publish() throws {
        let harness = WebSocketHarness()
        let client = try harness.connect()
        _ = client.read()
        try client.send(#"{"action":"publish","id":"2","topic":"a","data":{"x": 1}}"#)
        #expect(client.read().isEmpty)
        #expect(harness.log.drafts.map { String(decoding: $0.payload, as: UTF8.self) } == [#"{"x": 1}"#])
        harness.commitLog()
        #expect(client.texts() == [#"{"type":"published","id":"2","sequence":1}"#])
    }

    @Test("tells a full log and a payload over the limit")
    func publishFaults() throws {
        let harness = WebSocketHarness()
        let client = try harness.connect()
        _ = client.read()
        try client.send(#"{"action":"publish","id":"2","topic":"a","data":1}"#)
        harness.commitLog(refusing: ChangeQueueError(.queueFull, "full"))
        #expect(client.texts() == [#"{"type":"error","id":"2","code":"QueueFull","message":"full","retryAfter":5}"#])
        try client.send(#"{"action":"publish","topic":"a","data":"\#(String(repeating: "x", count: 1024))"}"#)
        #expect(client.texts().first?.contains("PayloadTooLarge") == true)
        #expect(client.isOpen)
    }

    @Test("forgets a publish whose client has gone")
    func publishOfTheGone() throws {
        let harness = WebSocketHarness()
        let client = try harness.connect()
        try client.send(#"{"action":"publish","topic":"a","data":1}"#)
        try client.channel.close().wait()
        harness.commitLog()
        #expect(client.texts().allSatisfy { !$0.contains("published") })
    }

    @Test("reads no more than the publishes in flight allow")
    func publishBackPressure() throws {
        let harness = WebSocketHarness { $0.publishesInFlight = 2 }
        let client = try harness.connect()
        let reads = ReadCounter()
        try client.channel.pipeline.syncOperations.addHandler(reads, position: .first)
        try client.send(#"{"action":"publish","topic":"a","data":1}"#)
        client.channel.read()
        #expect(reads.count == 1)
        try client.send(#"{"action":"publish","topic":"a","data":2}"#)
        client.channel.read()
        #expect(reads.count == 1)
        harness.commitLog()
        #expect(reads.count == 2)
    }

    @Test("reads on while it closes, whatever is in flight")
    func readsWhileClosing() throws {
        let harness = WebSocketHarness { $0.publishesInFlight = 1 }
        let client = try harness.connect()
        let reads = ReadCounter()
        try client.channel.pipeline.syncOperations.addHandler(reads, position: .first)
        try client.send(#"{"action":"publish","topic":"a","data":1}"#)
        client.channel.read()
        #expect(reads.count == 0)
        try client.send(ClientFrame.bytes(3))
        #expect(reads.count == 1)
        client.channel.read()
        #expect(reads.count == 2)
    }
}

/// Counts the reads that reach the socket.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}
