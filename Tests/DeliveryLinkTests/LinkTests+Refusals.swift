import Logging
import NIOCore
import NIOPosix
import SluiceCore
import Synchronization
import Testing

@testable import DeliveryLink

/// Peers that are refused, over real sockets.
extension LinkTests {
    @Test("a TCP link without a secret is refused at both ends")
    func secretRequired() async {
        let address = LinkAddress.tcp(host: "127.0.0.1", port: 0)
        await #expect { _ = try await server(address).start() } throws: {
            ($0 as? LinkError)?.code == .secretRequired
        }
        #expect { _ = try client(address, events: LinkRecorder()) } throws: {
            ($0 as? LinkError)?.code == .secretRequired
        }
    }

    @Test(
        "a wrong secret is told on both sides",
        arguments: [("a", "b"), ("a", nil), (nil, "b")] as [(String?, String?)]
    )
    func wrongSecret(gatewaySecret: String?, publisherSecret: String?) async throws {
        let gatewayLog = LogCapture()
        let publisherLog = LogCapture()
        let server = server(unix, secret: gatewaySecret, logger: gatewayLog.logger)
        _ = try await server.start()
        let client = try client(unix, secret: publisherSecret, events: LinkRecorder(), logger: publisherLog.logger)
        var gatewayLines = gatewayLog.lines.makeAsyncIterator()
        var publisherLines = publisherLog.lines.makeAsyncIterator()
        #expect(await gatewayLines.line(with: "wrongSecret") != nil)
        #expect(await publisherLines.line(with: "warning waiting for gateway", "wrongSecret") != nil)
        client.close()
        await server.close()
    }

    @Test("a publisher that looks for another gateway at the address is refused")
    func wrongGateway() async throws {
        let log = LogCapture()
        let server = server(unix)
        _ = try await server.start()
        let client = try client(unix, gateway: GatewayID("gateway-0"), events: LinkRecorder(), logger: log.logger)
        var lines = log.lines.makeAsyncIterator()
        #expect(await lines.line(with: "waiting for gateway gateway-0", "wrongGateway", "gateway-1") != nil)
        client.close()
        await server.close()
    }

    @Test("a publisher of another version reads why it is refused")
    func publisherVersion() async throws {
        let log = LogCapture()
        let server = server(unix, logger: log.logger)
        _ = try await server.start()
        let hello = LinkHello(version: 1, nonce: nonce, gateway: "gateway-1")
        let error = try #require(try await refusal(of: encoded(.hello(hello))))
        #expect(
            error.code == .versionMismatch && error.message.contains("version 1")
                && error.message.contains("version \(LinkVersion.current)")
        )
        var lines = log.lines.makeAsyncIterator()
        #expect(await lines.line(with: "warning a publisher was refused", "versionMismatch") != nil)
        await server.close()
    }

    @Test("a gateway of another version is told in the publisher's log")
    func gatewayVersion() async throws {
        let listener = try await ServerBootstrap(group: group).childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    Greeter(greeting: encoded(.challenge(LinkChallenge(version: 1, nonce: nonce))))
                )
            }
        }.bind(unixDomainSocketPath: path).get()
        let log = LogCapture()
        let client = try client(unix, events: LinkRecorder(), logger: log.logger)
        var lines = log.lines.makeAsyncIterator()
        #expect(await lines.line(with: "warning waiting for gateway", "versionMismatch", "version 1") != nil)
        client.close()
        try await listener.close()
    }

    // MARK: - Places

    @Test("strangers who only connect keep no publisher out, and disturb no open link")
    func flood() async throws {
        var few = limits
        few.maximumHandshakes = 8
        few.maximumLinks = 2
        let codes = Mutex<[LinkErrorCode]>([])
        let server = LinkServer(
            address: .tcp(host: "127.0.0.1", port: 0),
            secret: secret("s"),
            group: group,
            gatewayID: gateway,
            receiver: TestReceiver(),
            limits: few,
            logger: quiet,
            onRefusal: { code in codes.withLock { $0.append(code) } }
        )
        let address = try await server.start()
        let open = LinkRecorder()
        let first = try client(address, secret: "s", events: open)
        var openEvents = open.events.makeAsyncIterator()
        #expect(await openEvents.connected() != nil)
        guard case .tcp(let host, let port) = address else { return }
        var strangers: [any Channel] = []
        for _ in 0..<40 {
            strangers.append(try await ClientBootstrap(group: group).connect(host: host, port: port).get())
        }
        // All but as many as there are places have been closed by the gateway, the oldest first.
        for stranger in strangers.prefix(40 - few.maximumHandshakes) { try await stranger.closeFuture.get() }
        #expect(server.linkCount == 1)
        let late = LinkRecorder()
        let second = try client(address, secret: "s", events: late)
        var lateEvents = late.events.makeAsyncIterator()
        #expect(await lateEvents.connected() != nil)
        first.send([delivery(1)])
        #expect(await openEvents.receipts(1).map(\.isTaken) == [true])
        let displaced = codes.withLock { $0.count { $0 == .tooManyHandshakes } }
        #expect(displaced >= 40 - few.maximumHandshakes)
        let log = LogCapture()
        let third = try client(address, secret: "s", events: LinkRecorder(), logger: log.logger)
        var lines = log.lines.makeAsyncIterator()
        #expect(await lines.line(with: "warning waiting for gateway", "tooManyLinks") != nil)
        for client in [first, second, third] { client.close() }
        await server.close()
    }

    // MARK: - Bad peers

    @Test("a peer that sends rubbish is told so and closed, and the gateway lives")
    func rubbish() async throws {
        let server = server(unix)
        _ = try await server.start()
        let rubbish: [(ByteBuffer, LinkErrorCode)] = [
            (ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"), .frameTooLarge),
            (ByteBuffer(bytes: [1, 0, 0, 0, 77]), .unknownFrameType),
            (ByteBuffer(bytes: [2, 0, 0, 0, 8, 8]), .malformedFrame),
            (encoded(.ping), .unexpectedFrame),
        ]
        for (bytes, code) in rubbish { #expect(try await refusal(of: bytes)?.code == code) }
        let recorder = LinkRecorder()
        let client = try client(unix, events: recorder)
        var events = recorder.events.makeAsyncIterator()
        #expect(await events.connected() != nil)
        client.close()
        await server.close()
    }

    @Test("a peer that sends nothing is closed when the handshake's time is over")
    func silentPublisher() async throws {
        var hasty = limits
        hasty.handshakeTimeoutNanoseconds = 20_000_000
        let server = server(unix, limits: hasty)
        _ = try await server.start()
        #expect(try await refusal(of: nil)?.code == .handshakeTimeout)
        await server.close()
    }

    @Test("a gateway that has stopped answering is given up")
    func silentGateway() async throws {
        var hasty = limits
        hasty.silenceNanoseconds = 30_000_000
        // The ping never comes, so the gateway has nothing to say.
        hasty.pingIntervalNanoseconds = 3_600_000_000_000
        let server = server(unix)
        _ = try await server.start()
        let recorder = LinkRecorder()
        let client = try client(unix, events: recorder, limits: hasty)
        var events = recorder.events.makeAsyncIterator()
        #expect(await events.disconnected()?.error.code == .silentPeer)
        client.close()
        await server.close()
    }

    /// Connects, sends, and returns the reject frame that came before the other end closed.
    private func refusal(of bytes: ByteBuffer?) async throws -> LinkError? {
        let channel = try await ClientBootstrap(group: group).connect(unixDomainSocketPath: path) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        let answer = try await channel.executeThenClose { inbound, outbound in
            if let bytes { try await outbound.write(bytes) }
            var answer = ByteBuffer()
            do {
                for try await part in inbound { answer.writeImmutableBuffer(part) }
            } catch is IOError {
                // A reset after the reject says the same as an end.
            }
            return answer
        }
        guard case .reject(let error)? = try decoded(answer).first else { return nil }
        return error
    }
}
