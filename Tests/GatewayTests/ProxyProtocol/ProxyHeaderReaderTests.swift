import Logging
import Metrics
import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import Gateway

@Suite("ProxyHeaderReader")
struct ProxyHeaderReaderTests {
    /// What came out behind the header.
    private final class Received: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var bytes: [UInt8] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes += Array(unwrapInboundIn(data).readableBytesView)
        }
    }

    /// A connection of a trusted proxy.
    private final class Connection {
        let channel = EmbeddedChannel()
        let received = Received()
        var client: ClientAddress?

        init() throws {
            let port = ProxyPort(factory: NOOPMetricsHandler.instance, logger: Logger(label: "test"))
            let peer = try #require(ClientAddress("10.0.0.1:5000".utf8))
            let reader = ProxyHeaderReader(port, peer: peer, timeout: .seconds(10)) { [unowned self] client in
                self.client = client
                try channel.pipeline.syncOperations.addHandler(received)
            }
            try channel.pipeline.syncOperations.addHandler(reader)
            try channel.connect(to: SocketAddress(ipAddress: "10.0.0.1", port: 5000)).wait()
        }

        func receive(_ bytes: some Sequence<UInt8>) throws { try channel.writeInbound(ByteBuffer(bytes: bytes)) }
    }

    private static let line = Array("PROXY TCP4 192.0.2.1 198.51.100.7 4711 443\r\n".utf8)

    @Test("whatever pieces it comes in, the header is taken and the rest handed on unchanged")
    func splits() throws {
        var random = SeededGenerator(seed: 3)
        let rest = Array("PROXY isn't read twice\r\n".utf8)
        for _ in 0..<500 {
            let connection = try Connection()
            var bytes = (Self.line + rest)[...]
            while !bytes.isEmpty {
                let piece = bytes.prefix(Int.random(in: 1...30, using: &random))
                bytes = bytes.dropFirst(piece.count)
                try connection.receive(piece)
            }
            #expect(connection.client?.description == "192.0.2.1:4711")
            #expect(connection.received.bytes == rest)
            #expect(connection.channel.isActive)
            _ = try connection.channel.finish()
        }
    }

    @Test("a header that names nobody leaves the proxy's own address")
    func unnamed() throws {
        let connection = try Connection()
        try connection.receive(Array("PROXY UNKNOWN\r\n".utf8))
        #expect(connection.client?.description == "10.0.0.1:5000")
        _ = try connection.channel.finish()
    }

    @Test("a connection that begins otherwise is closed, and nothing of it is read")
    func others() throws {
        let connection = try Connection()
        try connection.receive(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        #expect(!connection.channel.isActive)
        #expect(connection.client == nil)
        #expect(connection.received.bytes.isEmpty)
    }

    @Test("a header has so long and no longer, however it trickles")
    func deadline() throws {
        let connection = try Connection()
        for byte in Self.line.prefix(9) {
            connection.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            try connection.receive([byte])
        }
        #expect(connection.channel.isActive)
        connection.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!connection.channel.isActive)
        let timely = try Connection()
        try timely.receive(Self.line)
        timely.channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(timely.channel.isActive)
        _ = try timely.channel.finish()
    }

    @Test("a proxy that ends its side before, or a drain, ends the connection")
    func ends() throws {
        for isDrain in [false, true] {
            let connection = try Connection()
            try connection.receive(Self.line.prefix(10))
            if isDrain {
                connection.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            } else {
                connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            }
            #expect(!connection.channel.isActive)
        }
    }
}
