import Foundation
import GRDB
import SluiceCore
import Synchronization
import TestSupport
import Testing

@testable import SQLiteRegistry
@testable import SubscriptionRegistry

@Suite struct RegistryWriterTests {
    @Test("the interest is visible to another process when the subscribe is answered")
    func barrier() async throws {
        let test = try TestRegistry()
        let writer = try test.startedWriter()
        let other = try test.otherProcess()
        let id = writer.connect()
        for number in 0..<100 {
            let topic = "t\(number)"
            let seen: Bool? = await withCheckedContinuation { continuation in
                writer.subscribe(id, topics: [Topic(alreadyChecked: topic)]) { _ in
                    continuation.resume(
                        returning: try? other.read { db in
                            let sql = "SELECT count(*) = 1 FROM interests WHERE topic = ?"
                            return try Bool.fetchOne(db, sql: sql, arguments: [topic])
                        }
                    )
                }
            }
            #expect(seen == true)
        }
        await writer.close()
    }

    @Test("answers of one connection come in the order of its requests, each once")
    func order() async throws {
        let test = try TestRegistry()
        let writer = try test.startedWriter()
        let id = writer.connect()
        let answers = Mutex<[Int]>([])
        for number in 0..<2_000 {
            // Some need a commit, the others find the interest there.
            writer.subscribe(id, topics: [Topic(alreadyChecked: "t\(number % 7 == 0 ? number : 0)")]) { result in
                if case .success = result { answers.withLock { $0.append(number) } }
            }
        }
        try await writer.flush()
        #expect(answers.withLock { $0 } == Array(0..<2_000))
    }

    @Test("an interest that is about to be removed when a subscriber comes is there when he is answered")
    func pendingRemoval() async throws {
        let test = try TestRegistry()
        let writer = try test.startedWriter()
        let index = try SubscriptionIndex(registry: test.registry)
        let id = writer.connect()
        for round in 0..<50 {
            try await writer.subscribe(id, "t")
            try index.refresh()
            #expect(index.gateways(for: "t").count == 1)
            writer.unsubscribe(id, "t")
            if round % 2 == 0 {
                try await writer.flush()
                try index.refresh()
                #expect(index.gateways(for: "t").isEmpty)
            }
        }
    }

    /// Goal: ten thousand clients can connect in seconds.
    ///
    /// The bound is generous: a debug build on a busy machine must meet it.
    @Test("ten thousand connects and subscribes are committed in groups")
    func manyConnects() async throws {
        let batches = Mutex(0)
        let answered = Mutex(0)
        let test = try TestRegistry()
        let writer = RegistryWriter(registry: test.registry, gateway: test.gateway()) { completions in
            batches.withLock { $0 += 1 }
            answered.withLock { $0 += completions.count }
        }
        try writer.start()
        let clock = ContinuousClock()
        let start = clock.now
        for number in 0..<10_000 {
            let id = writer.connect(principal: "p\(number)")
            writer.subscribe(id, topics: [Topic(alreadyChecked: "t\(number)"), "all"]) { _ in }
        }
        try await writer.flush()
        let elapsed = clock.now - start
        print("10,000 connects and subscribes in \(elapsed), answered in \(batches.withLock { $0 }) groups")
        #expect(elapsed < .seconds(15))
        #expect(answered.withLock { $0 } == 10_000)
        #expect(batches.withLock { $0 } < 1_000)
        #expect(
            try test.registry.counts()
                == RegistryCounts(
                    gateways: 1,
                    publishers: 0,
                    connections: 10_000,
                    subscriptions: 20_000,
                    topics: 10_001
                )
        )
        await writer.close()
        #expect(
            try test.registry.counts()
                == RegistryCounts(gateways: 0, publishers: 0, connections: 0, subscriptions: 0, topics: 0)
        )
    }

    @Test("a gateway that returns under its name removes the rows of its earlier run, and nobody else's")
    func returns() async throws {
        let test = try TestRegistry()
        let killed = try test.startedWriter("a")
        let neighbour = try test.startedWriter("b")
        try await killed.subscribe(killed.connect(), "t")
        try await neighbour.subscribe(neighbour.connect(), "t")
        try await killed.flush()
        try await neighbour.flush()
        _ = try test.startedWriter("a")
        #expect(try test.registry.gateways().map(\.name).sorted() == ["a", "b"])
        #expect(try test.registry.counts().connections == 1)
        #expect(try test.registry.counts().subscriptions == 1)
    }

    @Test("a gateway that starts removes those whose lease has lapsed")
    func removesLapsed() async throws {
        let test = try TestRegistry()
        let dead = try test.startedWriter("dead")
        try await dead.subscribe(dead.connect(), "t")
        test.advance(seconds: 16)
        _ = try test.startedWriter("new")
        #expect(try test.registry.gateways().map(\.name) == ["new"])
        #expect(try test.registry.counts().topics == 0)
    }

    @Test("the lease is renewed when it is due and not before")
    func renewal() async throws {
        let test = try TestRegistry()
        let writer = try test.startedWriter()
        let first = try #require(try test.registry.gateways().first).leaseExpiresAtNanoseconds
        test.advance(seconds: 4)
        writer.checkNow()
        #expect(try test.registry.gateways().first?.leaseExpiresAtNanoseconds == first)
        test.advance(seconds: 1)
        writer.checkNow()
        #expect(try test.registry.gateways().first?.leaseExpiresAtNanoseconds == first + 5_000_000_000)
    }

    @Test("a gateway that was taken for dead is registered again before a subscribe is answered")
    func takenForDead() async throws {
        let test = try TestRegistry { $0.checkNanoseconds = 3_600_000_000_000 }
        let writer = try test.startedWriter()
        let id = writer.connect()
        try await writer.subscribe(id, "t", "u")
        try await writer.flush()
        let gateway = try #require(try test.registry.gateways().first)
        test.advance(seconds: 16)
        let lapse = LeaseWatch.Lapse(
            gateway: gateway.id,
            leaseExpiresAtNanoseconds: gateway.leaseExpiresAtNanoseconds
        )
        #expect(try test.registry.remove([lapse]) == [gateway.id])
        #expect(try test.registry.remove([lapse]) == [])
        #expect(try test.registry.counts().topics == 0)
        try await writer.subscribe(writer.connect(), "t")
        #expect(try test.registry.counts().topics == 2)
        try await writer.flush()
        #expect(try test.registry.counts().subscriptions == 3)
    }

    @Test("a registry that was removed is filled again from memory", arguments: [true, false])
    func lostFile(withLog: Bool) async throws {
        let test = try TestRegistry { $0.checkNanoseconds = 3_600_000_000_000 }
        let writer = try test.startedWriter()
        let id = writer.connect(principal: "anna")
        try await writer.subscribe(id, "t", "u")
        try await writer.flush()
        try test.removeFile(withLog: withLog)
        writer.checkNow()
        try await writer.flush()
        #expect(
            try test.registry.counts()
                == RegistryCounts(gateways: 1, publishers: 0, connections: 1, subscriptions: 2, topics: 2)
        )
        #expect(try test.registry.connections(limit: 1).first?.principal == "anna")
    }

    @Test("a subscribe that finds the registry removed is committed to the new one")
    func lostFileAtSubscribe() async throws {
        let test = try TestRegistry { $0.checkNanoseconds = 3_600_000_000_000 }
        let writer = try test.startedWriter()
        let id = writer.connect()
        try await writer.subscribe(id, "t")
        try test.removeFile(withLog: true)
        try await writer.subscribe(id, "u")
        #expect(try test.registry.counts().topics == 2)
    }

    @Test("a commit that fails fails its requests and undoes them, and those that need nothing from it succeed")
    func failure() async throws {
        let test = try TestRegistry { $0.checkNanoseconds = 3_600_000_000_000 }
        let writer = try test.startedWriter()
        let id = writer.connect()
        try await writer.subscribe(id, "t")
        try await writer.flush()
        let other = try test.otherProcess()
        try await other.write { db in try db.execute(sql: "ALTER TABLE interests RENAME TO elsewhere") }
        await #expect { try await writer.subscribe(id, "new") } throws: { ($0 as? RegistryError)?.code == .storage }
        #expect(writer.fault?.code == .storage)
        try await writer.subscribe(writer.connect(), "t")
        try await other.write { db in try db.execute(sql: "ALTER TABLE elsewhere RENAME TO interests") }
        writer.checkNow()
        #expect(writer.fault == nil)
        try await writer.flush()
        #expect(try test.registry.topics(of: id) == ["t"])
        #expect(try test.registry.counts().topics == 1)
        try await writer.subscribe(id, "new")
        #expect(try test.registry.counts().topics == 2)
    }

    @Test("requests of unknown connections and after the end are refused")
    func refused() async throws {
        let test = try TestRegistry()
        let writer = try test.startedWriter()
        let id = writer.connect()
        await #expect { try await writer.subscribe(.random(), "t") } throws: {
            ($0 as? RegistryError)?.code == .unknownConnection
        }
        await writer.close()
        await #expect { try await writer.subscribe(id, "t") } throws: { ($0 as? RegistryError)?.code == .closed }
        await #expect { try await writer.flush() } throws: { ($0 as? RegistryError)?.code == .closed }
    }

    @Test("requests that wait when the writer is closed are answered")
    func closedWhileWaiting() async throws {
        let test = try TestRegistry()
        let writer = RegistryWriter(registry: test.registry, gateway: test.gateway())
        let answer = Mutex<RegistryError.Code?>(nil)
        writer.subscribe(writer.connect(), topics: ["t"]) { result in
            if case .failure(let error) = result { answer.withLock { $0 = error.code } }
        }
        await writer.close()
        #expect(answer.withLock { $0 } == .closed)
    }

    @Test("what is handed over before the start is committed by it, and a new address is written")
    func beforeStart() async throws {
        let test = try TestRegistry()
        let writer = RegistryWriter(registry: test.registry, gateway: test.gateway())
        let id = writer.connect()
        writer.subscribe(id, topics: ["t"]) { _ in }
        writer.listening(at: "http://127.0.0.1:4711", operations: "http://operations")
        try writer.start()
        try await writer.flush()
        #expect(try test.registry.topics(of: id) == ["t"])
        #expect(try test.registry.gateways().first?.httpAddress == "http://127.0.0.1:4711")
        writer.listening(at: "http://127.0.0.1:4712", operations: "http://operations")
        try await writer.flush()
        #expect(try test.registry.gateways().first?.httpAddress == "http://127.0.0.1:4712")
    }

    /// Goal: writer, file and index agree with what the clients asked for, whatever comes in which order while the
    /// groups commit.
    ///
    /// Method: two writers and an index on one file, random requests without waiting; now and then everything is waited
    /// for and compared.
    @Test("two gateways and a publisher agree with a model through random requests", arguments: 0..<4)
    func random(_: Int) async throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("RegistryWriter seed \(seed)")
        let run = try WriterRun(seed: seed)
        for round in 0..<30 {
            for _ in 0..<100 { run.step() }
            if round % 5 == 4 { try await run.compare() }
        }
    }
}

/// One random run of two writers beside their model.
private final class WriterRun {
    private let test: TestRegistry
    private let gateways: [GatewayRow]
    private let writers: [RegistryWriter]
    private let index: SubscriptionIndex
    private let seed: UInt64
    private var random: SeededGenerator
    private var connections: [(id: ConnectionID, writer: Int, topics: Set<Topic>)] = []

    init(seed: UInt64) throws {
        let test = try TestRegistry {
            $0.rowsDelayNanoseconds = 1_000_000
            $0.rowsPerTransaction = 7
            $0.feedRowsKept = 50
        }
        self.test = test
        self.seed = seed
        random = SeededGenerator(seed: seed)
        gateways = [test.gateway("a"), test.gateway("b")]
        writers = gateways.map { RegistryWriter(registry: test.registry, gateway: $0) }
        for writer in writers { try writer.start() }
        index = try SubscriptionIndex(registry: test.registry)
    }

    func step() {
        let dice = Int.random(in: 0..<100, using: &random)
        guard dice >= 20, !connections.isEmpty else {
            let writer = Int.random(in: 0...1, using: &random)
            return connections.append((writers[writer].connect(), writer, []))
        }
        let place = Int.random(in: 0..<connections.count, using: &random)
        let (id, writer, _) = connections[place]
        let topics = (0..<Int.random(in: 1...3, using: &random)).map { _ in
            Topic(alreadyChecked: "t\(Int.random(in: 0..<15, using: &random))")
        }
        switch dice {
        case 20..<60:
            writers[writer].subscribe(id, topics: topics) { _ in }
            connections[place].topics.formUnion(topics)
        case 60..<82:
            writers[writer].unsubscribe(id, topics: topics)
            connections[place].topics.subtract(topics)
        default:
            writers[writer].disconnected(id)
            connections.remove(at: place)
        }
    }

    func compare() async throws {
        for writer in writers { try await writer.flush() }
        try index.refresh()
        for number in 0..<15 {
            let topic = Topic(alreadyChecked: "t\(number)")
            let expected = connections.filter { $0.topics.contains(topic) }.map { gateways[$0.writer].id }
            #expect(Set(index.gateways(for: topic)) == Set(expected), "seed \(seed)")
        }
        let counts = try test.registry.counts()
        #expect(counts.connections == connections.count, "seed \(seed)")
        #expect(counts.subscriptions == connections.map(\.topics.count).reduce(0, +), "seed \(seed)")
        for connection in connections {
            #expect(try Set(test.registry.topics(of: connection.id)) == connection.topics, "seed \(seed)")
        }
    }
}
