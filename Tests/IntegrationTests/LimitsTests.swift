import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SluiceCore
import Testing

/// Real processes whose limits one client tries to use up.
@Suite("Limits")
struct LimitsTests {
    private struct Answer {
        let status: Int
        let body: String
    }

    private func send(
        _ method: HTTPMethod,
        _ path: String,
        _ body: String = "",
        to gateway: SluiceProcess
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: gateway.address + path)
        request.method = method
        request.headers.add(name: "Content-Type", value: path == "/topics" ? "application/json" : "text/plain")
        request.body = .bytes(ByteBuffer(string: body))
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        return Answer(
            status: Int(answer.status.code),
            body: String(buffer: try await answer.body.collect(upTo: 1 << 22))
        )
    }

    private func batch(_ topics: some Sequence<Int>, of prefix: String) -> String {
        #"{"records":["# + topics.map { #"{"topic":"\#(prefix)/\#($0)","data":1}"# }.joined(separator: ",") + "]}"
    }

    /// Goal: who may write one table can't stop others, and can be cleaned up after. Method: items of ever smaller sizes
    /// until each is refused, then records until they are refused; a small map.
    @Test(
        "items that fill their share leave publishes alone; deletes are taken in a full map, which opens again by itself",
        .timeLimit(.minutes(3))
    )
    func itemsFillTheirShare() async throws {
        let gateway = try await sluice.startGateway("--log-map-size", "16MiB", "--retention-age", "10s")
        var items: [String] = []
        for size in [900_000, 100_000, 1_000] {
            while true {
                let path = "/tables/a/items/\(items.count)?image=keys"
                let answer = try await send(.PUT, path, String(repeating: "x", count: size), to: gateway)
                if answer.status == 201 {
                    items.append(path)
                } else {
                    #expect(answer.status == 507)
                    #expect(answer.body.contains("StorageQuotaExceeded"))
                    break
                }
            }
        }
        #expect(items.count >= 4)
        #expect(try await send(.GET, "/readyz", to: gateway).status == 200)
        for number in 0..<20 {
            #expect(try await send(.POST, "/topics/t\(number)", "1", to: gateway).status == 202)
        }
        var answer = try await send(.POST, "/topics/fill", "1", to: gateway)
        while answer.status == 202 {
            answer = try await send(.POST, "/topics/fill", String(repeating: "x", count: 1_000_000), to: gateway)
        }
        #expect(answer.status == 503)
        #expect(answer.body.contains("QueueFull"))
        for path in items { #expect(try await send(.DELETE, path, to: gateway).status == 200) }
        let deadline = ContinuousClock.now + .seconds(60)
        while answer.status != 202, ContinuousClock.now < deadline {
            answer = try await send(.POST, "/topics/fill", String(repeating: "x", count: 1_000_000), to: gateway)
        }
        #expect(answer.status == 202)
        #expect(try await send(.PUT, items[0], String(repeating: "x", count: 900_000), to: gateway).status == 201)
        let metrics = try await send(.GET, "/metrics", to: gateway).body
        #expect(metrics.contains(#"sluice_log_limit{resource="items"} 4194304"#))
        #expect(metrics.contains(#"sluice_log_refused_requests_total{reason="items_full"} 3"#))
    }

    /// Goal: one who begins topics can't keep others out for as long as retention lasts, and it is seen. Method: a small
    /// table, filled by batches of which the last are refused; retention of seconds.
    @Test(
        "a table of topics that one client fills is told, refused batches leave nothing in it, and it opens again",
        .timeLimit(.minutes(3))
    )
    func topicsFillTheTable() async throws {
        let gateway = try await sluice.startGateway("--maximum-topics", "1500", "--retention-age", "10s")
        #expect(try await send(.POST, "/topics", batch(0..<1_000, of: "m"), to: gateway).status == 202)
        for _ in 0..<3 {
            let answer = try await send(.POST, "/topics", batch(1_000..<2_000, of: "m"), to: gateway)
            #expect(answer.status == 429)
            #expect(answer.body.contains("TooManyTopics"))
            #expect(answer.body.contains("--maximum-topics"))
        }
        let metrics = try await send(.GET, "/metrics", to: gateway).body
        #expect(metrics.contains(#"sluice_log_used{resource="topics"} 1000"#))
        #expect(metrics.contains(#"sluice_log_refused_requests_total{reason="topics_full"} 3"#))
        // There is room for others still: the refused batches have left.
        #expect(try await send(.POST, "/topics", batch(0..<500, of: "a"), to: gateway).status == 202)
        #expect(try await send(.PUT, "/tables/orders/items/1", "1", to: gateway).status == 429)
        #expect(try await send(.POST, "/topics/m/1", "1", to: gateway).status == 202)
        let ready = try await send(.GET, "/readyz", to: gateway)
        #expect(ready.status == 200)
        #expect(ready.body.contains(#""full":{"topics":"1500 of 1500 topics"}"#))
        var answer = try await send(.PUT, "/tables/orders/items/1", "1", to: gateway)
        let deadline = ContinuousClock.now + .seconds(60)
        while answer.status != 201, ContinuousClock.now < deadline {
            answer = try await send(.PUT, "/tables/orders/items/1", "1", to: gateway)
        }
        #expect(answer.status == 201)
        #expect(!(try await send(.GET, "/readyz", to: gateway)).body.contains("full"))
    }

    private let sluice = TestSluice(.sqs)
}
