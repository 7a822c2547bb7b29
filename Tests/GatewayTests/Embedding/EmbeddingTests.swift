import Foundation
import Gateway
import ServiceLifecycle
import SluiceCore
import TestSupport
import Testing

@testable import ShopExample

/// What docs/embedding.md shows, compiled and run: with the public interface alone.
@Suite("Embedding")
struct EmbeddingTests {
    private static let root = URL(filePath: #filePath).appending(path: "../../../..").standardized

    @Test("the documentation shows the example package, byte for byte and whole")
    func documentation() throws {
        let page = try String(contentsOf: Self.root.appending(path: "docs/embedding.md"), encoding: .utf8)
        let shown = page.components(separatedBy: "```swift\n").dropFirst().map {
            String($0.components(separatedBy: "```\n")[0])
        }
        let example = Self.root.appending(path: "Examples/Shop")
        let sources = example.appending(path: "Sources/Shop")
        let files = try FileManager.default.contentsOfDirectory(at: sources, includingPropertiesForKeys: nil)
        let compiled = try ([example.appending(path: "Package.swift")] + files).map {
            try String(contentsOf: $0, encoding: .utf8)
        }
        #expect(shown.sorted() == compiled.sorted())
    }

    @Test("an own handler and an own authorizer do what the documentation says")
    func example() async throws {
        try await RunningGateway.run(authorizer: TeamAuthorizer(), handlers: [PlaceOrder.handler]) {
            gateway async throws in
            let red = ["authorization: Bearer red"]
            let placed = try await gateway.send("POST", "/teams/red/orders", #"{"id":7,"total":3}"#, fields: red)
            #expect(placed.status == 201)
            #expect(placed.body == #"{"id":7}"#)
            let history = try await gateway.send("GET", "/topics/teams/red/orders/7/records", fields: red)
            #expect(history.body.contains(#""data":{"id":7,"total":3}"#))

            let order = #"{"id":7,"total":3}"#
            #expect(try await gateway.send("POST", "/teams/blue/orders", order, fields: red).code == "Forbidden")
            #expect(try await gateway.send("GET", "/topics/teams/blue/orders/7", fields: red).code == "Forbidden")
            #expect(try await gateway.send("POST", "/topics/teams/red/orders/7", "1", fields: red).code == "Forbidden")
            #expect(try await gateway.send("POST", "/teams/red/orders", order).code == "Unauthorized")
            #expect(try await gateway.send("POST", "/teams/red/orders", "{}", fields: red).code == "InvalidRequest")
        }
    }

    @Test(
        "gateway and publisher in one process deliver over a data directory, and mounted routes have what isn't the gateway's",
        .timeLimit(.minutes(1))
    )
    func inOneProcess() async throws {
        let directory = ScratchDirectory(isMade: false)
        defer { withExtendedLifetime(directory) {} }
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let services = Shop.inOneProcess(dataDirectory: directory.path) { port.yield($0) }
        async let running: Void = {
            defer { port.finish() }
            try await services.run()
        }()
        var numbers = ports.makeAsyncIterator()
        guard let number = await numbers.next() else { return try await running }
        let stream = try await RawClient.connect(port: number)
        try await stream.send(
            "GET /topics/teams/red/orders/7/stream HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer red\r\n\r\n"
        )
        _ = try await stream.received(#""type":"subscribed""#)
        let order = #"{"id":7,"total":3}"#
        let placed = try await answer("POST", "/teams/red/orders", order, port: number)
        #expect(placed.status == 201)
        _ = try await stream.received(#""data":{"id":7,"total":3}"#)
        for (method, path, status, body) in [
            ("GET", "/", 200, "The shop is open.\n"), ("HEAD", "/", 200, ""), ("GET", "/client.js", 200, nil),
            ("GET", "/docs/protocol.md", 404, nil), ("GET", "/readyz", 200, nil), ("PUT", "/healthz", 405, nil),
            ("GET", "/teams/red/orders", 405, nil),
            ("GET", "/nowhere", 404, ""),
        ] {
            let answer = try await answer(method, path, port: number)
            #expect(answer.status == status, "\(method) \(path)")
            if let body { #expect(answer.body == body, "\(method) \(path)") }
        }
        try await stream.close()
        await services.triggerGracefulShutdown()
        try await running
    }

    private func answer(_ method: String, _ path: String, _ body: String = "", port: Int) async throws -> RawAnswer {
        let client = try await RawClient.connect(port: port)
        let length = body.isEmpty ? "" : "content-length: \(body.utf8.count)\r\n"
        try await client.send(
            "\(method) \(path) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer red\r\n\(length)\r\n\(body)"
        )
        return RawAnswer(text: try await client.receivedAll())
    }
}
