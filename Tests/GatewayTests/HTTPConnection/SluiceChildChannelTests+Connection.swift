import Hummingbird
import HummingbirdCore
import NIOCore
import SluiceCore
import Synchronization
import Testing

@testable import Gateway

/// What clients see of a connection: upgrades, ends, HEAD, OPTIONS, broken bodies, HTTP/1.0, streams.
extension SluiceChildChannelTests {
    @Test(
        "a client that closes its side behind publishes gets all its answers",
        arguments: ["", "connection: close\r\n"]
    )
    func halfCloseBehindPublishes(fields: String) async throws {
        try await serve { port, _ in
            for count in [1, 1, 1, 1, 1, 1, 1, 1, 1, 10] {
                let client = try await RawClient.connect(port: port)
                let others = String(repeating: PublishHarness.publish("a"), count: count - 1)
                try await client.send(others + PublishHarness.publish("a", fields: fields))
                try await client.closeOutput()
                let text = try await client.receivedAll()
                #expect(text.ranges(of: "HTTP/1.1 202 ").count == count)
                // The answer may have been faster than the end of the client's side.
                #expect(text.ranges(of: "connection: close").count <= 1)
                #expect(fields.isEmpty || text.contains("connection: close"))
            }
        }
    }

    @Test("a WebSocket is had on any request of a connection, behind whatever came before it")
    func upgradesLater() async throws {
        try await serve { port, _ in
            for before in [
                PublishHarness.publish("a"), PublishHarness.get("/hello"), PublishHarness.get("/nowhere"),
                PublishHarness.publish("a") + PublishHarness.publish("%62") + PublishHarness.get("/hello"),
                Self.upgrade("/other", version: "13"), Self.upgrade("/ws", version: "8"),
            ] {
                for isPipelined in [true, false] {
                    let client = try await RawClient.connect(port: port)
                    let count = before.ranges(of: "HTTP/1.1\r\n").count
                    if isPipelined {
                        try await client.send(before + Self.upgrade("/ws", version: "13"))
                    } else {
                        try await client.send(before)
                        _ = try await client.received("HTTP/1.1 ", times: count)
                        try await client.send(Self.upgrade("/ws", version: "13"))
                    }
                    let text = try await client.received("\r\n\r\nhello")
                    #expect(text.ranges(of: "HTTP/1.1 ").count == count + 1)
                    #expect(text.contains("HTTP/1.1 101 Switching Protocols\r\n"))
                    try await client.close()
                }
            }
        }
    }

    @Test("a refused WebSocket of a client that speaks sluice.v1 is opened and closed with the reason")
    func refusesPages() async throws {
        try await serve { port, _ in
            let client = try await RawClient.connect(port: port)
            let asked = Self.upgrade("/other", version: "13")
                .replacing("\r\n\r\n", with: "\r\nsec-websocket-protocol: x, sluice.v1\r\n\r\n")
            try await client.send(PublishHarness.get("/hello") + asked)
            let bytes = Array(try await client.receivedBytes())
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(text.contains("HTTP/1.1 101 "))
            #expect(text.contains("sec-websocket-protocol: sluice.v1\r\n"))
            // 4403, "Not here."
            #expect(bytes.suffix(13) == [0x88, 11, 0x11, 0x33] + Array("Not here.".utf8))
            try await client.close()
        }
    }

    @Test("HEAD gets GET's head and no body, wherever it is answered")
    func head() async throws {
        try await serve { port, _ in
            let client = try await RawClient.connect(port: port)
            let paths = ["/hello", "/nowhere", "/echo-body", "/topics", "/ws"]
            for path in paths { try await client.send("HEAD \(path) HTTP/1.1\r\nhost: a\r\n\r\n") }
            try await client.send("HEAD /hello HTTP/1.1\r\n\r\n")
            let text = try await client.receivedAll()
            let heads = text.split(separator: "HTTP/1.1 ").map(String.init)
            #expect(heads.map { $0.prefix(3) } == ["200", "404", "404", "405", "426", "400"])
            #expect(heads[0].contains("Content-Length: 5\r\n") || heads[0].contains("content-length: 5\r\n"))
            for head in heads { #expect(head.hasSuffix("\r\n\r\n") && head.ranges(of: "\r\n\r\n").count == 1) }
        }
    }

    @Test("OPTIONS says what a path takes")
    func options() async throws {
        try await serve { port, _ in
            let client = try await RawClient.connect(port: port)
            for path in ["*", "/topics/a", "/tables/t/items/k", "/healthz", "/topics", "/nowhere"] {
                try await client.send("OPTIONS \(path) HTTP/1.1\r\nhost: a\r\n\r\n")
            }
            let answers = try await client.received("NotFound").split(separator: "HTTP/1.1 ").map { $0.lowercased() }
            #expect(answers.map { $0.prefix(3) } == ["204", "204", "204", "204", "204", "404"])
            let allowed = [
                "get, head, post, put, patch, delete, options", "get, post, head, options",
                "get, put, patch, delete, head, options", "get, head, options", "post, options",
            ]
            for (answer, methods) in zip(answers, allowed) { #expect(answer.contains("allow: \(methods)\r\n")) }
            #expect(!answers[0].contains("content-length"))
            try await client.close()
        }
    }

    @Test("a routed body that comes too late is answered with 408, one that isn't HTTP with 400, in our form")
    func brokenRoutedBodies() async throws {
        var limits = HTTPLimits()
        limits.bodyTimeout = .milliseconds(200)
        try await serve(limits: limits) { port, _ in
            for (body, status, code) in [
                ("content-length: 10\r\n\r\nx", "408", "RequestTimeout"),
                ("transfer-encoding: chunked\r\n\r\nzz\r\n", "400", "InvalidRequest"),
                ("content-length: 10\r\n\r\nhalf", "400", "InvalidRequest"),
            ] {
                let client = try await RawClient.connect(port: port)
                try await client.send("PUT /echo-body HTTP/1.1\r\nhost: a\r\n" + body)
                if body.hasSuffix("half") { try await client.closeOutput() }
                let text = try await client.receivedAll()
                #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(body)")
                #expect(text.contains("{\"error\":{\"code\":\"\(code)\""))
                #expect(text.contains("connection: close\r\n"))
            }
        }
    }

    @Test("HTTP/1.0 is told that its connection goes on, and not asked to continue")
    func oldVersion() async throws {
        try await serve { port, _ in
            let client = try await RawClient.connect(port: port)
            let kept = "connection: keep-alive\r\nexpect: 100-continue\r\n"
            try await client.send("GET /hello HTTP/1.0\r\n\(kept)\r\n")
            var text = try await client.received("world")
            #expect(text.contains("connection: keep-alive\r\n"))
            try await client.send("POST /topics/a HTTP/1.0\r\n\(kept)content-length: 2\r\n\r\n{}")
            text = try await client.received("recordId")
            #expect(text.ranges(of: "connection: keep-alive\r\n").count == 2)
            #expect(!text.contains(" 100 "))
            try await client.send("GET /hello HTTP/1.0\r\n\r\n")
            text = try await client.receivedAll()
            #expect(text.ranges(of: "connection: close\r\n").count == 1)
            #expect(text.ranges(of: "world").count == 2)
        }
    }

    @Test("an answer without a length is chunked, and for HTTP/1.0 ends with the connection")
    func streamed() async throws {
        let routes: (Router<GatewayRequestContext>) -> Void = { router in
            router.get("/stream") { _, _ in
                Response(
                    status: .ok,
                    body: ResponseBody { writer in
                        for piece in ["one", "two"] { try await writer.write(ByteBuffer(string: piece)) }
                        try await writer.finish(nil)
                    }
                )
            }
        }
        try await serve(routes: routes) { port, _ in
            let client = try await RawClient.connect(port: port)
            try await client.send(PublishHarness.get("/stream") + "HEAD /stream HTTP/1.1\r\nhost: a\r\n\r\n")
            try await client.send("GET /stream HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
            let answers = try await client.receivedAll().split(separator: "HTTP/1.1 200 OK\r\n").map(String.init)
            try #require(answers.count == 3, "\(answers)")
            #expect(answers[0].hasSuffix("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"))
            #expect(answers[1].contains("transfer-encoding: chunked\r\n") && answers[1].hasSuffix("\r\n\r\n"))
            #expect(answers[2].contains("connection: close\r\n") && answers[2].hasSuffix("\r\n\r\nonetwo"))
        }
    }

    @Test("a route whose client leaves is cancelled, and one that breaks off breaks the connection off")
    func cancelled() async throws {
        let (ends, end) = AsyncStream.makeStream(of: Bool.self)
        let routes: (Router<GatewayRequestContext>) -> Void = { router in
            router.get("/forever") { _, _ -> String in
                await withTaskCancellationHandler {
                    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                        // Resumed by the cancellation alone.
                        Waiters.shared.add(continuation)
                    }
                } onCancel: {
                    Waiters.shared.resumeAll()
                    end.yield(true)
                }
                return "never"
            }
            router.get("/broken") { _, _ in
                Response(status: .ok, body: ResponseBody { try await $0.write(ByteBuffer(string: "some")) })
            }
        }
        try await serve(routes: routes) { port, _ in
            let client = try await RawClient.connect(port: port)
            try await client.send(PublishHarness.get("/forever"))
            try await Waiters.shared.wait()
            // A mere close can't be told from a client that only has nothing more to say.
            try await client.reset()
            var iterator = ends.makeAsyncIterator()
            #expect(await iterator.next() == true)
            let other = try await RawClient.connect(port: port)
            try await other.send(PublishHarness.get("/broken") + PublishHarness.get("/hello"))
            let text = try await other.receivedAll()
            #expect(text.hasSuffix("4\r\nsome\r\n"))
        }
    }
}

/// Routes that wait for their cancellation.
private final class Waiters: Sendable {
    static let shared = Waiters()
    private let state = Mutex<(waiting: [CheckedContinuation<Void, Never>], isResumed: Bool)>(([], false))
    private let (begun, begin) = AsyncStream.makeStream(of: Void.self)

    func add(_ continuation: CheckedContinuation<Void, Never>) {
        let isResumed = state.withLock { state in
            if !state.isResumed { state.waiting.append(continuation) }
            return state.isResumed
        }
        if isResumed { continuation.resume() }
        begin.yield()
    }

    func resumeAll() {
        let waiting = state.withLock { state in
            state.isResumed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when a route waits.
    func wait() async throws {
        var iterator = begun.makeAsyncIterator()
        _ = await iterator.next()
    }
}
