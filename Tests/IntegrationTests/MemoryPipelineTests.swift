import ChangeQueue
import Gateway
import Logging
import Publisher
import ServiceLifecycle
import SluiceCore
import SluiceTesting
import SubscriptionRegistry
import TestSupport
import Testing

/// Goal: gateway and publisher stand on whatever drivers they are given. Method: both in this process, on drivers in memory; no data directory.
@Suite("Pipeline in memory", .serialized)
struct MemoryPipelineTests {
    @Test(
        "a published record reaches its subscriber and leaves the queue",
        .timeLimit(.minutes(2)),
        arguments: QueueSemantics.allCases
    )
    func delivers(semantics: QueueSemantics) async throws {
        try await MemorySluice.run(semantics) { log, port in
            try await TestWebSocket.connect(port: port) { socket in
                _ = try await socket.subscribe("orders/42")
                var published: [UInt64] = []
                for number in 0..<20 {
                    let address = "http://127.0.0.1:\(port)"
                    published.append(try await TestSluice.publish("\(number)", to: "orders/42", at: address))
                }
                #expect(try await socket.events(20) == published)
                try await socket.quiet()
            }
            // A client that comes back is told what it missed.
            try await TestWebSocket.connect(port: port) { socket in
                _ = try await socket.subscribe("orders/42", after: 15)
                #expect(try await socket.events(5) == Array(16...20))
            }
            let onlooker = try log.queue(semantics.queueID, semantics.attributes)
            let deadline = ContinuousClock.now + .seconds(20)
            while try onlooker.figures() != [0, 0, 0], ContinuousClock.now < deadline { await Task.yield() }
            #expect(try onlooker.figures() == [0, 0, 0])
        }
    }
}

/// A gateway and a publisher of this process on one log and one registry in memory.
private enum MemorySluice {
    static func run(
        _ semantics: QueueSemantics,
        _ body: (_ log: MemoryLog, _ port: Int) async throws -> Void
    ) async throws {
        let (log, registry, scratch) = (MemoryLog(), MemoryRegistry(), ScratchDirectory())
        defer { withExtendedLifetime(scratch) {} }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        var gateway = Gateway(
            configuration: configuration(semantics),
            authorizer: AllowAllAuthorizer(),
            drivers: { _ in
                GatewayDrivers(
                    appending: log,
                    reading: log,
                    directory: { registry.directory($0) },
                    socketPath: { scratch.path($0) }
                )
            },
            logger: logger
        )
        gateway.onListening = { listening.yield($0) }
        var publishing = PublisherConfiguration(dataDirectory: "")
        publishing.queue = PublishersQueue(semantics)
        let publisher = Publisher(
            configuration: publishing,
            drivers: { configuration, _ in
                PublisherDrivers(
                    queue: try log.queue(semantics.queueID, semantics.attributes),
                    bell: try log.bells.makeBell(),
                    registry: registry.following()
                )
            },
            logger: logger
        )
        let services = ServiceGroup(services: [gateway, publisher], logger: logger)
        async let running: Void = services.run()
        let result: Result<Void, any Error>
        do {
            try await body(log, try #require(await ports.first { _ in true }))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await services.triggerGracefulShutdown()
        try await running
        try result.get()
    }

    private static func configuration(_ semantics: QueueSemantics) -> GatewayConfiguration {
        var configuration = GatewayConfiguration()
        configuration.port = 0
        configuration.drainWindow = .milliseconds(50)
        configuration.queue = PublishersQueue(semantics)
        return configuration
    }
}
