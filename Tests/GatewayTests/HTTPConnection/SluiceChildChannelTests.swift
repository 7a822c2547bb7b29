import ChangeQueue
import FanOut
import Hummingbird
import HummingbirdCore
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import SluiceCore
import Synchronization
import Testing

@testable import Gateway

/// The pipeline of real connections with Hummingbird behind it; only the log is played by the test.
@Suite("SluiceChildChannel")
struct SluiceChildChannelTests {
    /// Takes upgrades at /ws and greets with one line.
    private struct Greeting: ConnectionUpgrading {
        func accept(
            _ head: HTTPRequestHead,
            from client: ConnectionPeer,
            on channel: any Channel
        ) -> EventLoopFuture<HTTPHeaders> {
            guard head.uri == "/ws" else {
                return channel.eventLoop.makeFailedFuture(APIError(.forbidden, "Not here."))
            }
            return channel.eventLoop.makeSucceededFuture(["sec-websocket-protocol": "sluice.v1"])
        }

        func install(_ head: HTTPRequestHead, on channel: any Channel, _ plain: PlainPipeline?) -> EventLoopFuture<Void>
        {
            channel.writeAndFlush(ByteBuffer(string: "hello"))
        }
    }

    /// An authorizer that has to think, and knows one token.
    private struct Thoughtful: Authorizer {
        func connect(_ request: ConnectRequest) async throws(APIError) -> Grant {
            guard request.token == "good" else { throw .tokenMissing }
            guard let pattern = try? TopicPattern("open/#") else { return Grant() }
            return Grant(publish: [pattern], asksFor: [.publish])
        }

        func authorize(_ action: TopicAction, topic: Topic, grant: Grant) async throws(APIError) {
            if topic.name != "asked" { throw .forbidden(action, topic, grant) }
        }
    }

    func serve(
        limits: HTTPLimits = HTTPLimits(),
        authorizer: any Authorizer = AllowAllAuthorizer(),
        routes: (Router<GatewayRequestContext>) -> Void = { _ in },
        _ body: @escaping @Sendable (_ port: Int, _ shutDown: @escaping @Sendable () async -> Void) async throws -> Void
    ) async throws {
        let router = Router(context: GatewayRequestContext.self)
        let counters = HTTPCounters(factory: NOOPMetricsHandler.instance)
        router.add(
            middleware: APIErrorMiddleware(
                counters: counters,
                table: RouteTable(handlers: []),
                faults: BoundedLog(Logger(label: "test")),
                accessLog: .off
            )
        )
        router.get("/hello") { _, _ in "world" }
        routes(router)
        router.put("/echo-body") { request, _ in
            Response(status: .ok, body: ResponseBody(byteBuffer: try await request.body.collect(upTo: 100)))
        }
        let service = PublishService(
            logID: 1,
            limits: limits,
            authorizer: authorizer,
            rules: HeadRules(hosts: .all),
            budgets: .silent(limits),
            counters: counters,
            now: { StageClock.nowNanoseconds() },
            committed: { _, _ in }
        )
        let connections = OpenConnections(factory: NOOPMetricsHandler.instance)
        let responder = router.buildResponder()
        let tasks = RouterTasks(responder: responder, connections: connections, logger: Logger(label: "test"))
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let application = Application(
            responder: responder,
            server: HTTPServerBuilder { _ in
                SluiceChildChannel(
                    service: service,
                    router: tasks,
                    upgrade: Greeting(),
                    bridge: { eventLoop in AppendBridge(eventLoop: eventLoop, submit: CommittingLog.submit) },
                    connections: connections
                )
            },
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.yield($0.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
            logger: logger
        )
        let services = ServiceGroup(services: [application], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            try await body(port) { await services.triggerGracefulShutdown() }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
            connections.closeAll()
            await connections.allClosed()
        }
    }

    @Test("publishes and routed requests of one connection are answered in order")
    func pipelined() async throws {
        try await serve { port, _ in
            let client = try await RawClient.connect(port: port)
            try await client.send(
                PublishHarness.publish("a") + PublishHarness.get("/hello") + PublishHarness.get("/nowhere")
                    + PublishHarness.publish("b")
            )
            let text = try await client.received("recordId", times: 2)
            let statuses = text.split(separator: "HTTP/1.1 ").map { $0.prefix(3) }
            #expect(statuses == ["202", "200", "404", "202"])
            #expect(text.contains("\"NotFound\""))
            try await client.close()
        }
    }

    @Test("an upgrade becomes a WebSocket, with nothing of HTTP left")
    func upgrades() async throws {
        try await serve { port, _ in
            let client = try await RawClient.connect(port: port)
            try await client.send(Self.upgrade("/ws", version: "13"))
            let text = try await client.received("hello")
            #expect(text.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
            #expect(text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
            #expect(text.contains("sec-websocket-protocol: sluice.v1"))
            #expect(text.hasSuffix("\r\n\r\nhello"))
            try await client.close()
        }
    }

    @Test(
        "a refused upgrade is told why",
        arguments: [
            ("/ws", "8", key, "426", "UpgradeRequired"), ("/ws", "13", "short", "400", "InvalidRequest"),
            ("/ws", "13", "", "400", "InvalidRequest"), ("/other", "13", key, "403", "Forbidden"),
        ]
    )
    func refusesUpgrades(path: String, version: String, key: String, status: String, code: String) async throws {
        try await serve { port, _ in
            let client = try await RawClient.connect(port: port)
            try await client.send(Self.upgrade(path, version: version, key: key))
            let text = try await client.received("\"\(code)\"")
            #expect(text.hasPrefix("HTTP/1.1 \(status) "))
            // It doesn't take the connection with it.
            try await client.send(Self.upgrade("/ws", version: "13"))
            #expect(try await client.received("hello").contains("HTTP/1.1 101 "))
            try await client.close()
        }
    }

    @Test(
        "bytes that aren't HTTP are refused and the connection closed",
        arguments: [
            ("NONSENSE\r\n\r\n", "400"), ("GET / HTTP/9.9\r\nhost: a\r\n\r\n", "400"),
            ("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", "400"),
            ("\u{16}\u{3}\u{1}\u{0}\u{5}\u{1}\u{0}\u{0}\u{1}\u{3}\u{3}", "400"),
            ("GET / HTTP/1.1\r\n" + String(repeating: "a: b\r\n", count: 1000) + "\r\n", "431"),
            ("GET /\(String(repeating: "x", count: 20_000)) HTTP/1.1\r\nhost: a\r\n\r\n", "431"),
        ]
    )
    func refusesMalformedRequests(request: String, status: String) async throws {
        try await serve { port, _ in
            let client = try await RawClient.connect(port: port)
            try await client.send(request)
            let text = try await client.receivedAll()
            #expect(text.hasPrefix("HTTP/1.1 \(status) "))
            try await client.close()
        }
    }

    @Test("/ws without an upgrade says that one is required")
    func webSocketPath() async throws {
        try await serve { port, _ in
            let client = try await RawClient.connect(port: port)
            try await client.send(PublishHarness.get("/ws"))
            let text = try await client.received("UpgradeRequired")
            #expect(text.hasPrefix("HTTP/1.1 426 "))
            try await client.close()
        }
    }

    @Test("a request that offers HTTP/2 is answered in HTTP/1.1, and the connection goes on", arguments: [1, 40])
    func cleartextHTTP2(count: Int) async throws {
        try await serve { port, _ in
            let client = try await RawClient.connect(port: port)
            let offer =
                "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
            var answers = 0
            for _ in 0..<count {
                for request in [
                    PublishHarness.publish("a", fields: offer), PublishHarness.publish("a"),
                    "PUT /echo-body HTTP/1.1\r\nhost: a\r\n\(offer)content-length: 2\r\n\r\nxy",
                    "GET /hello HTTP/1.1\r\nhost: a\r\n\(offer)\r\n",
                ] {
                    try await client.send(request)
                    answers += 1
                    _ = try await client.received("HTTP/1.1 20", times: answers)
                }
            }
            let text = try await client.received("HTTP/1.1 20", times: answers)
            #expect(!text.contains("connection: close\r\n"))
            // In one piece, all behind one another.
            try await client.send(
                PublishHarness.publish("a") + PublishHarness.publish("b", fields: offer) + PublishHarness.get("/hello")
                    + "GET /hello HTTP/1.1\r\nhost: a\r\n\(offer)\r\n" + Self.upgrade("/ws", version: "13")
            )
            #expect(try await client.received("hello").contains("HTTP/1.1 101 "))
            try await client.close()
        }
    }

    @Test("a handshake that doesn't come is answered with 408 and closed")
    func slowHandshake() async throws {
        var limits = HTTPLimits()
        limits.headTimeout = .milliseconds(50)
        try await serve(limits: limits) { port, _ in
            let client = try await RawClient.connect(port: port)
            try await client.send("GET /ws HTTP/1.1\r\nhost:")
            let text = try await client.receivedAll()
            #expect(text.hasPrefix("HTTP/1.1 408 "))
            try await client.close()
        }
    }

    @Test("an authorizer that has to think is waited for, in order")
    func authorizes() async throws {
        try await serve(authorizer: Thoughtful()) { port, _ in
            let client = try await RawClient.connect(port: port)
            let token = "authorization: Bearer good\r\n"
            try await client.send(
                PublishHarness.publish("open/a", fields: token) + PublishHarness.publish("open/b")
                    + PublishHarness.publish("shut", fields: token) + PublishHarness.publish("asked", fields: token)
                    + PublishHarness.publish("open/c?token=good")
            )
            let text = try await client.received("HTTP/1.1 ", times: 5)
            #expect(text.split(separator: "HTTP/1.1 ").map { $0.prefix(3) } == ["202", "401", "403", "202", "202"])
            try await client.close()
        }
    }

    /// Grants everything to everyone and counts how often it is asked.
    private final class Asked: Authorizer {
        let count = Atomic<Int>(0)

        func connect(_ request: ConnectRequest) async throws(APIError) -> Grant {
            count.wrappingAdd(1, ordering: .relaxed)
            return .everything
        }

        func authorize(_ action: TopicAction, topic: Topic, grant: Grant) async throws(APIError) {}
    }

    @Test("an authorizer is asked once for the publishes of a connection with the same credentials")
    func asksOnce() async throws {
        let authorizer = Asked()
        try await serve(authorizer: authorizer) { port, _ in
            let client = try await RawClient.connect(port: port)
            var answers = 0
            for (token, asked) in [("a", 1), ("a", 1), ("b", 2), ("b", 2), ("a", 3)] {
                for _ in 0..<3 {
                    try await client.send(PublishHarness.publish("a", fields: "authorization: Bearer \(token)\r\n"))
                    answers += 1
                    _ = try await client.received("recordId", times: answers)
                }
                #expect(authorizer.count.load(ordering: .relaxed) == asked)
            }
            try await client.close()
        }
    }

    @Test("a routed body over the limit is refused, one within is read")
    func routedBodies() async throws {
        try await serve { port, _ in
            let client = try await RawClient.connect(port: port)
            for count in [100, 101] {
                let body = String(repeating: "x", count: count)
                try await client.send("PUT /echo-body HTTP/1.1\r\nhost: a\r\ncontent-length: \(count)\r\n\r\n\(body)")
            }
            let text = try await client.received("HTTP/1.1 413")
            #expect(text.hasPrefix("HTTP/1.1 200 "))
            #expect(text.contains(String(repeating: "x", count: 100)))
            try await client.close()
        }
    }

    @Test("a client that closes its side gets the answers to what it sent")
    func halfClose() async throws {
        try await serve { port, _ in
            let client = try await RawClient.connect(port: port)
            try await client.send(PublishHarness.publish("a") + PublishHarness.get("/hello"))
            try await client.closeOutput()
            let text = try await client.receivedAll()
            #expect(text.split(separator: "HTTP/1.1 ").map { $0.prefix(3) } == ["202", "200"])
        }
    }

    @Test("a graceful shutdown closes idle connections and ends")
    func shutsDown() async throws {
        try await serve { port, shutDown in
            let client = try await RawClient.connect(port: port)
            try await client.send(PublishHarness.publish("a"))
            _ = try await client.received("recordId")
            await shutDown()
            _ = try await client.receivedAll()
        }
    }

    static let key = "dGhlIHNhbXBsZSBub25jZQ=="

    static func upgrade(_ path: String, version: String, key: String = key) -> String {
        """
        GET \(path) HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-key: \(key)\r\nsec-websocket-version: \(version)\r\n\r\n
        """
    }
}

/// A log that commits at once, in another thread's time.
private enum CommittingLog {
    static func submit(_ requests: [(token: UInt64, request: AppendRequest)], _ client: AppendBridge) {
        var outcomes: [AppendOutcome] = []
        for (token, request) in requests {
            guard case .records(let drafts, _) = request else { continue }
            let records = drafts.map { _ in
                AppendedRecord(sequence: SequenceNumber(1), previous: .none, committedAtNanoseconds: 0)
            }
            outcomes.append(AppendOutcome(token: token, result: .success(records)))
        }
        client.completed(outcomes)
    }
}
