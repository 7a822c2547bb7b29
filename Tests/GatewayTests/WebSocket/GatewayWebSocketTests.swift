import NIOCore
import NIOPosix
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

@Suite("A gateway's WebSockets")
struct GatewayWebSocketTests {
    private static let handshake =
        "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
        + "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    @Test("subscribe and publish on the port of the HTTP API")
    func roundTrip() async throws {
        try await RunningGateway.run { gateway in
            let request =
                "GET /ws?topic=orders/42 HTTP/1.1\r\nhost: a\r\n\(Self.handshake)sec-websocket-protocol: sluice.v1\r\n\r\n"
            let text = try await RawSocket.converse(
                port: gateway.port,
                [
                    (ByteBuffer(string: request), #""type":"subscribed""#),
                    (ClientFrame.text(#"{"action":"publish","id":"2","topic":"orders/42","data":{}}"#), "published"),
                ]
            )
            #expect(text.hasPrefix("HTTP/1.1 101 "))
            #expect(text.contains("Sec-WebSocket-Protocol: sluice.v1\r\n"))
            #expect(text.contains(#"{"type":"subscribed","topics":[{"topic":"orders/42","sequence":0}],"epoch":""#))
            #expect(text.contains(#"{"type":"published","id":"2","sequence":1}"#))
        }
    }

    @Test("are refused with the error over HTTP")
    func refusals() async throws {
        try await RunningGateway.run { gateway in
            let fields = Self.handshake.split(separator: "\r\n").map(String.init)
            let topic = try await gateway.send("GET", "/ws?topic=", fields: fields)
            #expect(topic.status == 400 && topic.code == "InvalidTopic")
            let subprotocol = try await gateway.send("GET", "/ws", fields: fields + ["sec-websocket-protocol: mqtt"])
            #expect(subprotocol.status == 400 && subprotocol.code == "UnsupportedSubprotocol")
            let key = Array(fields.dropLast()) + ["sec-websocket-key: short"]
            let short = try await gateway.send("GET", "/ws", fields: key)
            #expect(short.status == 400 && short.code == "InvalidRequest")
            let plain = try await gateway.send("GET", "/ws")
            #expect(plain.status == 426 && plain.code == "UpgradeRequired")
        }
    }

    @Test("tell that a message is too big to a client that goes on sending it")
    func tooBig() async throws {
        try await RunningGateway.run {
            $0.webSocket.messageBytes = 1000
        } _: { gateway in
            let client = try await RawClient.connect(port: gateway.port)
            try await client.send("GET /ws HTTP/1.1\r\nhost: a\r\n\(Self.handshake)\r\n")
            _ = try await client.received(#""connected""#)
            let size = 8 << 20
            var frame = ByteBuffer()
            frame.writeMultipleIntegers(UInt8(0x82), UInt8(0xFF), UInt64(size), UInt32(0))
            frame.writeRepeatingByte(0, count: size)
            try await client.send(frame)
            let text = try await client.receivedAll()
            #expect(text.hasSuffix("message too big"))
            try await client.close()
        }
    }
}

/// A TCP client that sends bytes and waits for an answer to each.
private enum RawSocket {
    static func converse(port: Int, _ steps: [(bytes: ByteBuffer, answer: String)]) async throws -> String {
        let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer> =
            try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var parts = inbound.makeAsyncIterator()
            var text = ""
            for (bytes, answer) in steps {
                try await outbound.write(bytes)
                while !text.contains(answer), let part = try await parts.next() { text += String(buffer: part) }
            }
            return text
        }
    }
}
