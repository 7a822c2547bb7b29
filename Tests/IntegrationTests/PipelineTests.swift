import SluiceCore
import Testing

@Suite("Pipeline", .serialized)
struct PipelineTests {
    @Test("a published record reaches its subscriber", .timeLimit(.minutes(2)), arguments: QueueSemantics.allCases)
    func delivers(semantics: QueueSemantics) async throws {
        let sluice = TestSluice(semantics)
        let gateway = try await sluice.startGateway()
        _ = try await sluice.startPublisher()
        try await TestWebSocket.connect(to: gateway) { socket in
            _ = try await socket.subscribe("orders/42")
            let sequence = try await TestSluice.publish(#"{"total":3}"#, to: "orders/42", at: gateway)
            let event = try await socket.next("event")
            #expect(event["sequence"]?.unsignedInteger == sequence)
            #expect(event["previous"]?.unsignedInteger == 0)
            #expect(event["topic"]?.string == "orders/42")
            #expect(event["contentType"]?.string == "application/json")
            #expect(event["data"]?["total"]?.unsignedInteger == 3)
        }
    }

    @Test(
        "records published while the publisher is dead arrive once and in order when it is back",
        .timeLimit(.minutes(2)),
        arguments: QueueSemantics.allCases
    )
    func publisherKilled(semantics: QueueSemantics) async throws {
        let sluice = TestSluice(semantics)
        let gateway = try await sluice.startGateway()
        var publisher = try await sluice.startPublisher()
        try await TestWebSocket.connect(to: gateway) { socket in
            _ = try await socket.subscribe("t")
            await publisher.kill()
            var published: [UInt64] = []
            for number in 0..<25 { published.append(try await TestSluice.publish("\(number)", to: "t", at: gateway)) }
            #expect(try await sluice.command("queue", "depth")["visible"]?.unsignedInteger == 25)
            publisher = try await sluice.startPublisher()
            #expect(try await socket.events(25) == published)
            try await socket.quiet()
        }
        // It ends when every record has its receipt.
        #expect(await publisher.terminate() == 0)
        let depth = try await sluice.command("queue", "depth")
        #expect(depth["visible"]?.unsignedInteger == 0)
        #expect(depth["inFlight"]?.unsignedInteger == 0)
    }

    @Test(
        "a client that comes back after the gateway was killed gets what it missed, then live",
        .timeLimit(.minutes(2))
    )
    func resumes() async throws {
        let sluice = TestSluice(.sqs)
        var gateway = try await sluice.startGateway()
        _ = try await sluice.startPublisher()
        let first = try await TestWebSocket.connect(to: gateway) { socket in
            _ = try await socket.subscribe("t")
            _ = try await TestSluice.publish("1", to: "t", at: gateway)
            return try await socket.events(1)[0]
        }
        await gateway.kill()
        gateway = try await sluice.startGateway(port: gateway.port)
        let missed = [
            try await TestSluice.publish("2", to: "t", at: gateway),
            try await TestSluice.publish("3", to: "t", at: gateway),
        ]
        try await TestWebSocket.connect(to: gateway) { socket in
            let topics = try await socket.subscribe("t", after: first)
            #expect(topics.first?["recovered"]?.boolean == true)
            let live = try await TestSluice.publish("4", to: "t", at: gateway)
            #expect(try await socket.events(3) == missed + [live])
            try await socket.quiet()
        }
    }

    @Test("publisher and gateway start in any order", .timeLimit(.minutes(2)), arguments: QueueSemantics.allCases)
    func anyOrder(semantics: QueueSemantics) async throws {
        let sluice = TestSluice(semantics)
        _ = try await sluice.startPublisher()
        let gateway = try await sluice.startGateway()
        try await TestWebSocket.connect(to: gateway, query: "?topic=t") { socket in
            _ = try await socket.next("subscribed")
            let sequence = try await TestSluice.publish("1", to: "t", at: gateway)
            #expect(try await socket.events(1) == [sequence])
        }
    }

    @Test("SIGTERM drains both processes, closes sockets with 1001 and ends with 0", .timeLimit(.minutes(2)))
    func drains() async throws {
        let sluice = TestSluice(.sqs)
        let gateway = try await sluice.startGateway()
        let publisher = try await sluice.startPublisher()
        try await TestWebSocket.connect(to: gateway, query: "?topic=t") { socket in
            _ = try await socket.next("subscribed")
            async let code = gateway.terminate()
            #expect(try await socket.closeCode() == 1001)
            #expect(await code == 0)
        }
        #expect(await publisher.terminate() == 0)
        #expect(try await sluice.command("queue", "depth")["visible"]?.unsignedInteger == 0)
    }

    @Test(
        "depth, latency and connections tell what happened",
        .timeLimit(.minutes(2)),
        arguments: QueueSemantics.allCases
    )
    func commands(semantics: QueueSemantics) async throws {
        let sluice = TestSluice(semantics)
        let gateway = try await sluice.startGateway()
        _ = try await sluice.startPublisher()
        try await TestWebSocket.connect(to: gateway, query: "?topic=t") { socket in
            _ = try await socket.next("subscribed")
            for number in 0..<10 { _ = try await TestSluice.publish("\(number)", to: "t", at: gateway) }
            _ = try await socket.events(10)
            // The publisher is found by its row in the registry, without which it isn't ready.
            let latency = try await sluice.command("latency").elements ?? []
            let stages = latency.compactMap { $0["stage"]?.string }
            for stage in ["commit", "hop", "total"] { #expect(stages.contains(stage)) }
            let rows = try await sluice.command("connections")["connections"]?.elements ?? []
            #expect(rows.first?["subscriptions"]?.unsignedInteger == 1)
        }
        let depth = try await sluice.command("queue", "depth")
        #expect(depth["queue"]?.string == semantics.rawValue)
        #expect(depth["logRecords"]?.unsignedInteger == 10)
    }
}
