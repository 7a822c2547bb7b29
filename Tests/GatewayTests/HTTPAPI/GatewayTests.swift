import ChangeQueue
import Foundation
import HTTPTypes
import SluiceCore
import Testing

@testable import Gateway

/// A whole gateway over HTTP, with its log on disk.
@Suite("Gateway")
struct GatewayTests {
    @Test("what was published is read back along the chain")
    func history() async throws {
        try await RunningGateway.run { gateway async throws in
            #expect(try await gateway.send("POST", "/topics/orders/42", #"{"n":1}"#).status == 202)
            let batch =
                #"{"records":[{"topic":"orders/42","data":{"n":2}},{"topic":"other","data":"x"},"#
                + #"{"topic":"orders/42","data":3}]}"#
            let accepted = try await gateway.send("POST", "/topics", batch)
            #expect(accepted.status == 202)
            #expect(accepted.body.hasPrefix(#"{"records":[{"sequence":2,"recordId":""#))
            let all = try await gateway.send("GET", "/topics/orders/42/records")
            #expect(
                all.bodyButEpoch == #"{"topic":"orders/42","records":["#
                    + event(1, previous: 0, #"{"n":1}"#) + ","
                    + event(2, previous: 1, #"{"n":2}"#) + ","
                    + event(4, previous: 2, #"3"#) + "]}"
            )
            let some = try await gateway.send("GET", "/topics/orders/42/records?after=1&limit=1")
            #expect(some.body.contains(#""sequence":2,"#) && !some.body.contains(#""sequence":4"#))
            #expect(some.body.hasSuffix(#"],"next":2}"#))
            #expect(
                try await gateway.send("GET", "/topics/orders/42").bodyButEpoch
                    == #"{"topic":"orders/42","sequence":4}"#
            )
            #expect(
                try await gateway.send("GET", "/topics/none/records").bodyButEpoch == #"{"topic":"none","records":[]}"#
            )
            for query in ["after=x", "limit=0", "limit=1001", "after=-1"] {
                #expect(try await gateway.send("GET", "/topics/a/records?\(query)").code == "InvalidRequest")
            }
            #expect(try await gateway.send("GET", "/topics/a+b").code == "InvalidTopic")
        }
    }

    private func event(_ sequence: Int, previous: Int, _ data: String) -> String {
        #"{"type":"event","topic":"orders/42","sequence":\#(sequence),"previous":\#(previous),"#
            + #""contentType":"application/json","data":\#(data)}"#
    }

    @Test("a faulty batch stores nothing")
    func batch() async throws {
        try await RunningGateway.run { gateway async throws in
            let batch = #"{"records":[{"topic":"a","data":1},{"topic":"","data":2}]}"#
            #expect(try await gateway.send("POST", "/topics", batch).code == "InvalidTopic")
            #expect(try await gateway.send("GET", "/topics/a").bodyButEpoch == #"{"topic":"a","sequence":0}"#)
        }
    }

    @Test("an item is stored with its change record")
    func items() async throws {
        try await RunningGateway.run { gateway async throws in
            let created = try await gateway.send("PUT", "/tables/orders/items/7", #"{"a":1,"b":2}"#)
            #expect(created.status == 201)
            #expect(created.body.hasPrefix(#"{"operation":"INSERT","sequence":1,"#))
            #expect(created.fields["etag"] == "\"1\"")
            let patched = try await gateway.send("PATCH", "/tables/orders/items/7?image=both", #"{"b":null,"c":3}"#)
            #expect(patched.status == 200)
            let item = try await gateway.send("GET", "/tables/orders/items/7")
            #expect(item.body == #"{"a":1,"c":3}"#)
            #expect(item.fields["etag"] == "\"2\"")
            let unchanged = try await gateway.send("GET", "/tables/orders/items/7", fields: ["if-none-match: \"2\""])
            #expect(unchanged.status == 304)
            #expect(try await gateway.send("DELETE", "/tables/orders/items/7").status == 200)
            #expect(try await gateway.send("DELETE", "/tables/orders/items/7").code == "NotFound")
            #expect(try await gateway.send("GET", "/tables/orders/items/7").code == "NotFound")
            let history = try await gateway.send("GET", "/topics/tables/orders/7/records")
            #expect(
                history.body.contains(
                    #""operation":"MODIFY","table":"orders","key":"7","new":{"a":1,"c":3},"old":{"a":1,"b":2}"#
                )
            )
            #expect(history.body.ranges(of: #""type":"event""#).count == 3)
        }
    }

    @Test("an item's topic follows the template")
    func template() async throws {
        // swift-format-ignore: OnlyOneTrailingClosureArgument
        try await RunningGateway.run(configure: { $0.itemTopic = try ItemTopicTemplate("{operation}/{table}") }) {
            gateway async throws in
            _ = try await gateway.send("PUT", "/tables/t/items/k", "1")
            _ = try await gateway.send("PUT", "/tables/t/items/k", "2")
            #expect(try await gateway.send("GET", "/topics/INSERT/t").bodyButEpoch.hasSuffix(#""sequence":1}"#))
            #expect(try await gateway.send("GET", "/topics/MODIFY/t").bodyButEpoch.hasSuffix(#""sequence":2}"#))
        }
    }

    @Test(
        "bad requests have their codes",
        arguments: [
            ("PUT", "/tables/t/items/k", "{" as String?, 400, "InvalidJSON"),
            ("PATCH", "/tables/t/items/k", "[1]", 400, "InvalidRequest"),
            ("PATCH", "/tables/t/items/k", "{", 400, "InvalidJSON"),
            ("PUT", "/tables/t/items/k?image=all", "1", 400, "InvalidRequest"),
            ("PUT", "/tables/t/items/a%23", "1", 400, "InvalidTopic"),
            ("GET", "/tables/t/items/k", nil, 404, "NotFound"),
            ("GET", "/tables/t", nil, 404, "NotFound"), ("POST", "/tables/t/items/k", "1", 405, "MethodNotAllowed"),
            ("DELETE", "/topics/a", nil, 405, "MethodNotAllowed"), ("GET", "/nothing", nil, 404, "NotFound"),
            ("GET", "/ws", nil, 426, "UpgradeRequired"), ("GET", "/latency/records/zz", nil, 400, "InvalidRequest"),
            ("GET", "/latency/records/99", nil, 404, "NotFound"),
        ]
    )
    func badRequests(method: String, path: String, body: String?, status: Int, code: String) async throws {
        try await RunningGateway.run { gateway async throws in
            let answer = try await gateway.send(method, path, body)
            #expect(answer.status == status)
            #expect(answer.code == code)
        }
    }

    @Test("health, metrics and latencies are there")
    func measures() async throws {
        try await RunningGateway.run { gateway async throws in
            _ = try await gateway.send("POST", "/topics/a", "1")
            #expect(try await gateway.send("GET", "/healthz").body == #"{"status":"ok"}"#)
            let ready = try await gateway.send("GET", "/readyz")
            #expect(ready.status == 200)
            #expect(
                ready.body == #"{"status":"ready","checks":{"log":"ok","registry":"ok","link":"ok","authorizer":"ok"}}"#
            )
            let metrics = try await gateway.send("GET", "/metrics")
            #expect(metrics.body.contains("sluice_http_publishes_total{code=\"Accepted\"} 1"))
            #expect(metrics.body.contains("sluice_stage_seconds"))
            #expect(try await gateway.send("GET", "/latency").body.contains(#""stage":"commit""#))
        }
    }

    @Test("the demo page and its client are served from the binary")
    func demo() async throws {
        try await RunningGateway.run { gateway async throws in
            let page = try await gateway.send("GET", "/")
            #expect(page.status == 200)
            #expect(page.fields["content-type"] == "text/html; charset=utf-8")
            let client = try await gateway.send("GET", "/client.js")
            #expect(client.status == 200)
            #expect(client.fields["content-type"] == "text/javascript; charset=utf-8")
        }
    }

    @Test("a handler's changes are committed before its reply")
    func handlers() async throws {
        struct Order: Codable { var id: Int }
        let handler = RequestHandler(.post, "/orders/{shop}") { (order: Order, context: HandlerContext) in
            let topic = try Topic("shops/\(context.parameters["shop"] ?? "")")
            return try .json(
                order,
                status: .created,
                changes: [RecordDraft(topic: topic, payload: Array("\(order.id)".utf8))]
            )
        }
        try await RunningGateway.run(handlers: [handler]) { gateway async throws in
            let reply = try await gateway.send("POST", "/orders/9", #"{"id":5}"#)
            #expect(reply.status == 201)
            #expect(reply.body == #"{"id":5}"#)
            #expect(try await gateway.send("GET", "/topics/shops/9/records").body.contains(#""data":5}"#))
            // As the client meant it, not as it stood in the path.
            #expect(try await gateway.send("POST", "/orders/caf%C3%A9%20x", #"{"id":6}"#).status == 201)
            let decoded = try await gateway.send("GET", "/topics/shops/caf%C3%A9%20x/records").body
            #expect(decoded.contains(#""topic":"shops/café x""#) && decoded.contains(#""data":6"#))
            #expect(try await gateway.send("POST", "/orders/a%2", #"{"id":7}"#).code == "InvalidRequest")
            #expect(try await gateway.send("GET", "/orders/9").status == 405)
            #expect(try await gateway.send("POST", "/orders/9", "{").code == "InvalidJSON")
            #expect(try await gateway.send("POST", "/orders/9", "{}").code == "InvalidRequest")
        }
    }

    @Test("a grant limits what may be published and read")
    func grants() async throws {
        try await RunningGateway.run(authorizer: OneToken()) { gateway async throws in
            let token = ["authorization: Bearer good"]
            #expect(try await gateway.send("POST", "/topics/open/1", "1").code == "Unauthorized")
            #expect(try await gateway.send("POST", "/topics/open/1", "1", fields: token).status == 202)
            #expect(try await gateway.send("POST", "/topics/shut", "1", fields: token).code == "Forbidden")
            #expect(try await gateway.send("GET", "/topics/open/1/records", fields: token).status == 200)
            #expect(try await gateway.send("GET", "/topics/shut/records", fields: token).code == "Forbidden")
            #expect(try await gateway.send("GET", "/topics/open/1/records").fields["www-authenticate"] == "Bearer")
            #expect(try await gateway.send("PUT", "/tables/t/items/k", "1", fields: token).code == "Forbidden")
        }
    }

    private struct OneToken: Authorizer {
        func connect(_ request: ConnectRequest) async throws(APIError) -> Grant {
            guard request.token == "good", let open = try? TopicPattern("open/#") else { throw .tokenMissing }
            return Grant(subscribe: [open], publish: [open])
        }
    }

    @Test("a log that is full says so and keeps what it has")
    func full() async throws {
        // swift-format-ignore: OnlyOneTrailingClosureArgument
        try await RunningGateway.run(configure: { $0.log.mapSizeBytes = 1 << 20 }) { gateway async throws in
            let body = "\"" + String(repeating: "x", count: 60_000) + "\""
            var accepted = 0
            var refused: RawAnswer?
            while refused == nil, accepted < 100 {
                let answer = try await gateway.send("POST", "/topics/a", body)
                if answer.status == 202 { accepted += 1 } else { refused = answer }
            }
            #expect(refused?.status == 503)
            #expect(refused?.code == "QueueFull")
            #expect(refused?.fields["retry-after"] == "5")
            #expect(
                try await gateway.send("GET", "/topics/a").bodyButEpoch == #"{"topic":"a","sequence":\#(accepted)}"#
            )
        }
    }

    @Test("a shutdown answers what is in flight, closes the connections and leaves the registry empty")
    func drains() async throws {
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (left, leave) = AsyncStream.makeStream(of: Void.self)
        let slow = RequestHandler(.get, "/slow") { (_: [UInt8], _: HandlerContext) in
            enter.finish()
            for await _ in left {}
            let topic = try Topic("late")
            return HandlerReply(body: Array("1".utf8), changes: [RecordDraft(topic: topic, payload: Array("1".utf8))])
        }
        try await RunningGateway.run(handlers: [slow]) { gateway async throws in
            let idle = try await RawClient.connect(port: gateway.port)
            try await idle.send(PublishHarness.publish("a"))
            _ = try await idle.received("recordId")
            let busy = try await RawClient.connect(port: gateway.port)
            try await busy.send(PublishHarness.get("/slow"))
            for await _ in entered {}
            await gateway.shutDown()
            // The idle connection is closed at once, the busy one has its answer first.
            _ = try await idle.receivedAll()
            leave.finish()
            let answer = RawAnswer(text: try await busy.receivedAll())
            #expect(answer.status == 200)
            #expect(answer.body == "1")
        }
    }
}
