import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import SluiceCore

/// A WebSocket client that speaks `sluice.v1`.
struct TestWebSocket {
    private typealias Frames = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    private var inbound: NIOAsyncChannelInboundStream<WebSocketFrame>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>

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
        let frames = try await open(port: port, uri: "/ws" + query)
        return try await frames.executeThenClose { inbound, outbound in
            var socket = TestWebSocket(inbound: inbound.makeAsyncIterator(), outbound: outbound)
            _ = try await socket.next("connected")
            return try await body(&socket)
        }
    }

    /// Sends a message.
    func send(_ json: String) async throws {
        let frame = WebSocketFrame(fin: true, opcode: .text, maskKey: .random(), data: ByteBuffer(string: json))
        try await outbound.write(frame)
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
        while let frame = try await inbound.next(isolation: #isolation) {
            guard frame.opcode == .connectionClose else { continue }
            var data = frame.unmaskedData
            return data.readInteger()
        }
        return nil
    }

    private mutating func nextMessage() async throws -> JSONValue {
        while let frame = try await inbound.next(isolation: #isolation) {
            switch frame.opcode {
            case .text: return try JSONValue(Array(frame.unmaskedData.readableBytesView))
            case .ping:
                try await outbound.write(
                    WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.unmaskedData)
                )
            case .connectionClose: throw TestFailure("the gateway closed the connection")
            default: break
            }
        }
        throw TestFailure("the connection ended")
    }

    private static func open(port: Int, uri: String) async throws -> Frames {
        let upgrade = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let upgrader = NIOTypedWebSocketClientUpgrader<Frames?>(
                        maxFrameSize: 1 << 24,
                        upgradePipelineHandler: { channel, _ in
                            channel.eventLoop.makeCompletedFuture { try Frames(wrappingChannelSynchronously: channel) }
                        }
                    )
                    let fields = HTTPHeaders([("Host", "127.0.0.1:\(port)"), ("Sec-WebSocket-Protocol", "sluice.v1")])
                    let request = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri, headers: fields)
                    var pipeline = NIOUpgradableHTTPClientPipelineConfiguration(
                        upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration<Frames?>(
                            upgradeRequestHead: request,
                            upgraders: [upgrader],
                            notUpgradingCompletionHandler: { $0.eventLoop.makeSucceededFuture(nil) }
                        )
                    )
                    // The first frames may come in one piece with the 101; by default they would be dropped.
                    pipeline.leftOverBytesStrategy = .forwardBytes
                    return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                        configuration: pipeline
                    )
                }
            }
        guard let frames = try await upgrade.get() else {
            throw TestFailure("the gateway refused the upgrade of \(uri)")
        }
        return frames
    }
}
