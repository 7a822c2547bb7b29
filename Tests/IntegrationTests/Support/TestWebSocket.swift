import NIOCore
import NIOPosix
import SluiceCore
import TestSupport

/// A WebSocket client that speaks `sluice.v1`.
struct TestWebSocket {
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var received = ReceivedFrames()

    /// Connects to a gateway, reads `connected`, and runs `body`.
    static func connect<Result>(
        to gateway: SluiceProcess,
        query: String = "",
        _ body: (inout TestWebSocket) async throws -> Result
    ) async throws -> Result {
        try await connect(port: gateway.port, query: query, body)
    }

    /// The same to a gateway's port.
    static func connect<Result>(
        port: Int,
        query: String = "",
        _ body: (inout TestWebSocket) async throws -> Result
    ) async throws -> Result {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var socket = TestWebSocket(inbound: inbound.makeAsyncIterator(), outbound: outbound)
            try await socket.shakeHands("/ws" + query, port: port)
            _ = try await socket.next("connected")
            return try await body(&socket)
        }
    }

    /// Sends a message.
    func send(_ json: String) async throws {
        try await outbound.write(ClientFrame.text(json))
    }

    /// Subscribes and waits for the reply.
    /// - Returns: the reply's topics.
    mutating func subscribe(_ topic: String, after sequence: UInt64? = nil) async throws -> [JSONValue] {
        let after = sequence.map { #","after":{"\#(topic)":\#($0)}"# } ?? ""
        try await send(#"{"action":"subscribe","id":"1","topics":["\#(topic)"]\#(after)}"#)
        return try await next("subscribed")["topics"]?.elements ?? []
    }

    /// The next message, which must be of the type.
    mutating func next(_ type: String) async throws -> JSONValue {
        let message = try await nextMessage()
        guard message["type"]?.string == type else {
            throw TestFailure("expected \(type), got \(String(decoding: message.bytes, as: UTF8.self))")
        }
        return message
    }

    /// The sequence numbers of the next events.
    mutating func events(_ count: Int) async throws -> [UInt64] {
        var sequences: [UInt64] = []
        for _ in 0..<count { sequences.append(try await next("event")["sequence"]?.unsignedInteger ?? 0) }
        return sequences
    }

    /// Makes sure that no event is on its way: the answer to a ping comes next.
    mutating func quiet() async throws {
        try await send(#"{"action":"ping","id":"quiet"}"#)
        _ = try await next("pong")
    }

    /// Reads to the gateway's close frame.
    /// - Returns: its code.
    mutating func closeCode() async throws -> UInt16? {
        while let frame = try await nextFrame() {
            if frame.opcode == 0x8 { return frame.closeCode }
        }
        return nil
    }

    private mutating func nextMessage() async throws -> JSONValue {
        while let frame = try await nextFrame() {
            switch frame.opcode {
            case 0x1: return try JSONValue(frame.payload)
            case 0x9: try await outbound.write(ClientFrame.bytes(0xA, frame.payload))
            case 0x8: throw TestFailure("the gateway closed the connection")
            default: break
            }
        }
        throw TestFailure("the connection ended")
    }

    /// The next frame; nil when the connection has ended.
    private mutating func nextFrame() async throws -> ReceivedFrame? {
        while true {
            if let frame = received.next() { return frame }
            guard try await readSome() else { return nil }
        }
    }

    private mutating func readSome() async throws -> Bool {
        guard let bytes = try await inbound.next(isolation: #isolation) else { return false }
        received.receive(bytes)
        return true
    }

    private mutating func shakeHands(_ uri: String, port: Int) async throws {
        try await outbound.write(
            ByteBuffer(
                string:
                    "GET \(uri) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    + "Sec-WebSocket-Protocol: sluice.v1\r\n\r\n"
            )
        )
        while true {
            if let head = received.handshakeHead() {
                guard head.hasPrefix("HTTP/1.1 101 ") else {
                    throw TestFailure("the gateway refused the upgrade of \(uri): \(head)")
                }
                // The first frames may have come in one piece with it.
                return
            }
            guard try await readSome() else {
                throw TestFailure("the gateway closed the connection during the handshake")
            }
        }
    }
}
