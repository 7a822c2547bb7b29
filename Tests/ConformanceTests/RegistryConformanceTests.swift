import SluiceCore
import SubscriptionRegistry
import Synchronization
import TestSupport
import Testing

@Suite("Every registry")
struct RegistryConformanceTests {
    @Test("shows a gateway to publishers from its start to its end", arguments: Driver.allCases)
    func gateways(driver: Driver) async throws {
        let registry = try driver.registry()
        let publisher = try registry.publisher()
        #expect(publisher.liveGateways.isEmpty)
        let (id, gateway) = registry.gateway("a")
        #expect(try !publisher.refresh())
        try gateway.start()
        #expect(try publisher.refresh())
        #expect(publisher.liveGateways.map(\.id) == [id])
        #expect(publisher.liveGateways.map(\.linkAddress) == ["unix:/a"])
        gateway.listening(at: "http://new", operations: "http://operations")
        try await gateway.flush()
        #expect(try publisher.refresh())
        #expect(publisher.liveGateways.map(\.httpAddress) == ["http://new"])
        #expect(try !publisher.refresh())
        #expect(gateway.fault == nil)
        await gateway.close()
        #expect(try publisher.refresh())
        #expect(publisher.liveGateways.isEmpty)
    }

    @Test("has an interest for every publisher that looks once a subscribe was answered", arguments: Driver.allCases)
    func barrier(driver: Driver) async throws {
        let registry = try driver.registry()
        let (id, gateway) = registry.gateway("a")
        try gateway.start()
        let publisher = try registry.publisher()
        let client = gateway.connect()
        for number in 0..<100 {
            let topic = Topic(alreadyChecked: "t\(number)")
            try await gateway.subscribe(client, topic)
            try publisher.refresh()
            #expect(publisher.gateways(for: [topic, Topic(alreadyChecked: "none")]) == [[id], []])
        }
    }

    @Test("answers the requests of a connection in their order, each once", arguments: Driver.allCases)
    func order(driver: Driver) async throws {
        let registry = try driver.registry()
        let (_, gateway) = registry.gateway("a")
        try gateway.start()
        let client = gateway.connect()
        let answers = Mutex<[Int]>([])
        for number in 0..<1_000 {
            // Some need a commit, the others find the interest there.
            let topic = Topic(alreadyChecked: "t\(number % 7 == 0 ? number : 0)")
            gateway.subscribe(client, topics: [topic]) { result in
                if case .success = result { answers.withLock { $0.append(number) } }
            }
        }
        try await gateway.flush()
        #expect(answers.withLock { $0 } == Array(0..<1_000))
    }

    @Test("forgets an interest with the last subscriber, and not before", arguments: Driver.allCases)
    func lastSubscriber(driver: Driver) async throws {
        let registry = try driver.registry()
        let (id, gateway) = registry.gateway("a")
        try gateway.start()
        let publisher = try registry.publisher()
        let topics = ["t", "u"].map { Topic(alreadyChecked: $0) }
        let clients = [gateway.connect(), gateway.connect()]
        for client in clients { try await gateway.subscribe(client, topics[0], topics[1]) }
        gateway.unsubscribe(clients[0], topics: [topics[0]])
        gateway.disconnected(clients[1])
        try await gateway.flush()
        try publisher.refresh()
        #expect(publisher.gateways(for: topics) == [[], [id]])
        gateway.unsubscribe(clients[0], topics: topics)
        gateway.disconnected(clients[0])
        gateway.disconnected(clients[0])
        try await gateway.flush()
        try publisher.refresh()
        #expect(publisher.gateways(for: topics) == [[], []])
        try await gateway.subscribe(gateway.connect(), topics[0])
        try publisher.refresh()
        #expect(publisher.gateways(for: topics) == [[id], []])
    }

    @Test("names every gateway with a subscriber, and none without", arguments: Driver.allCases)
    func severalGateways(driver: Driver) async throws {
        let registry = try driver.registry()
        let gateways = ["a", "b", "c"].map { registry.gateway($0) }
        for (_, gateway) in gateways { try gateway.start() }
        let (both, one) = (Topic(alreadyChecked: "both"), Topic(alreadyChecked: "one"))
        try await gateways[0].directory.subscribe(gateways[0].directory.connect(), both, one)
        try await gateways[1].directory.subscribe(gateways[1].directory.connect(), both)
        let publisher = try registry.publisher()
        #expect(Set(publisher.gateways(for: [both])[0]) == [gateways[0].id, gateways[1].id])
        #expect(publisher.gateways(for: [one]) == [[gateways[0].id]])
        await gateways[0].directory.close()
        try publisher.refresh()
        #expect(publisher.gateways(for: [both, one]) == [[gateways[1].id], []])
        #expect(Set(publisher.liveGateways.map(\.id)) == [gateways[1].id, gateways[2].id])
    }

    @Test("refuses requests of unknown connections, and all after the end", arguments: Driver.allCases)
    func refused(driver: Driver) async throws {
        let registry = try driver.registry()
        let (_, gateway) = registry.gateway("a")
        try gateway.start()
        let topic = Topic(alreadyChecked: "t")
        let client = gateway.connect()
        await #expect { try await gateway.subscribe(.random(), topic) } throws: {
            ($0 as? RegistryError)?.code == .unknownConnection
        }
        gateway.disconnected(client)
        await #expect { try await gateway.subscribe(client, topic) } throws: {
            ($0 as? RegistryError)?.code == .unknownConnection
        }
        await gateway.close()
        await #expect { try await gateway.subscribe(client, topic) } throws: { ($0 as? RegistryError)?.code == .closed }
        await #expect { try await gateway.flush() } throws: { ($0 as? RegistryError)?.code == .closed }
    }

    @Test(
        "commits with the start what was handed over before, and refuses it when there is none",
        arguments: Driver.allCases
    )
    func beforeStart(driver: Driver) async throws {
        let registry = try driver.registry()
        let topic = Topic(alreadyChecked: "t")
        let answers = Mutex<[RegistryError.Code?]>([])
        let note: @Sendable (Result<Void, RegistryError>) -> Void = { result in
            answers.withLock { answers in
                if case .failure(let error) = result { answers.append(error.code) } else { answers.append(nil) }
            }
        }
        let (_, unstarted) = registry.gateway("unstarted")
        unstarted.subscribe(unstarted.connect(), topics: [topic], then: note)
        await unstarted.close()
        #expect(answers.withLock { $0 } == [.closed])
        let (id, gateway) = registry.gateway("a")
        gateway.subscribe(gateway.connect(), topics: [topic], then: note)
        try gateway.start()
        try await gateway.flush()
        #expect(answers.withLock { $0 } == [.closed, nil])
        #expect(try registry.publisher().gateways(for: [topic]) == [[id]])
    }

    @Test(
        "removes the earlier run of a gateway that starts again under its name, and nobody else",
        arguments: Driver.allCases
    )
    func returns(driver: Driver) async throws {
        let registry = try driver.registry()
        let topic = Topic(alreadyChecked: "t")
        let neighbour = registry.gateway("b")
        try neighbour.directory.start()
        try await neighbour.directory.subscribe(neighbour.directory.connect(), topic)
        do {
            let (_, killed) = registry.gateway("a")
            try killed.start()
            try await killed.subscribe(killed.connect(), topic)
            // Nothing is on its way any more that holds it.
            try await killed.flush()
        }
        let again = registry.gateway("a")
        try again.directory.start()
        let publisher = try registry.publisher()
        #expect(Set(publisher.liveGateways.map(\.id)) == [neighbour.id, again.id])
        #expect(publisher.gateways(for: [topic]) == [[neighbour.id]])
    }

    @Test(
        "removes a gateway whose process is gone when its lease has lapsed, as the next one starts",
        arguments: Driver.allCases
    )
    func removedByStart(driver: Driver) async throws {
        let registry = try driver.registry()
        let topic = Topic(alreadyChecked: "t")
        do {
            let (_, killed) = registry.gateway("killed")
            try killed.start()
            try await killed.subscribe(killed.connect(), topic)
            // Nothing is on its way any more that holds it.
            try await killed.flush()
        }
        let first = registry.gateway("first")
        try first.directory.start()
        let publisher = try registry.publisher()
        #expect(publisher.liveGateways.count == 2)
        #expect(publisher.gateways(for: [topic])[0].count == 1)
        registry.advance(seconds: 16)
        let second = registry.gateway("second")
        try second.directory.start()
        try publisher.refresh()
        #expect(publisher.gateways(for: [topic]) == [[]])
        #expect(!publisher.liveGateways.map(\.name).contains("killed"))
    }

    @Test(
        "removes a gateway whose process is gone when its lease has lapsed, as a publisher sees it",
        arguments: Driver.allCases
    )
    func removedByPublisher(driver: Driver) async throws {
        let registry = try driver.registry {
            $0.checkNanoseconds = 1_000_000
            $0.renewalNanoseconds = 1_000_000
        }
        let topic = Topic(alreadyChecked: "t")
        do {
            let (_, killed) = registry.gateway("killed")
            try killed.start()
            try await killed.subscribe(killed.connect(), topic)
            // Nothing is on its way any more that holds it.
            try await killed.flush()
        }
        let publisher = try registry.publisher()
        #expect(publisher.gateways(for: [topic])[0].count == 1)
        let deadline = ContinuousClock.now + .seconds(20)
        while !publisher.liveGateways.isEmpty, ContinuousClock.now < deadline {
            // Again and again: it may have shown life while it was let go.
            registry.advance(seconds: 16)
            try publisher.refresh()
        }
        #expect(publisher.liveGateways.isEmpty)
        #expect(publisher.gateways(for: [topic]) == [[]])
    }

    @Test("takes a publisher's row, and lets it be removed", arguments: Driver.allCases)
    func publishers(driver: Driver) throws {
        let registry = try driver.registry()
        let publisher = try registry.publisher()
        try publisher.publishers.renew(PublisherRow(id: "p", operationsAddress: "http://p", queue: "sqs"))
        try publisher.publishers.renew(PublisherRow(id: "p", operationsAddress: "http://p", queue: "sqs"))
        try publisher.publishers.remove(publisher: "p")
        try publisher.publishers.remove(publisher: "p")
        #expect(try !publisher.refresh())
    }
}

extension SubscriptionDirectory {
    /// Connects a new client.
    func connect() -> ConnectionID {
        let id = ConnectionID.random()
        connected(id, principal: nil, remoteAddress: "192.0.2.1:1")
        return id
    }

    /// Subscribes and waits for the answer.
    func subscribe(_ id: ConnectionID, _ topics: Topic...) async throws(RegistryError) {
        typealias Waiter = CheckedContinuation<Result<Void, RegistryError>, Never>
        let result = await withCheckedContinuation { (continuation: Waiter) in
            subscribe(id, topics: topics) { continuation.resume(returning: $0) }
        }
        try result.get()
    }
}
