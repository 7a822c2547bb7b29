import Foundation
import GRDB
import PosixSupport
import SluiceCore
import Testing

@testable import SQLiteRegistry
@testable import SubscriptionRegistry

@Suite struct SubscriptionIndexTests {
    @Test("an index that starts late knows everything, and then follows each change")
    func follows() async throws {
        let test = try TestRegistry()
        let writer = try test.startedWriter()
        let id = writer.connect()
        try await writer.subscribe(id, "early")
        let index = try SubscriptionIndex(registry: test.registry)
        let gateways = try test.registry.gateways().map(\.id)
        #expect(index.gateways(for: "early") == gateways)
        #expect(try !index.refresh())
        try await writer.subscribe(id, "late")
        #expect(try index.refresh())
        #expect(index.gateways(for: "late") == gateways)
        writer.disconnected(id)
        try await writer.flush()
        #expect(try index.refresh())
        #expect(index.gateways(for: "early").isEmpty && index.topicCount == 0)
        #expect(index.liveGateways.map(\.id) == gateways)
        #expect(index.loads == 1)
    }

    @Test("a commit that changes neither gateways nor interests is not a change")
    func otherCommits() async throws {
        let test = try TestRegistry()
        let writer = try test.startedWriter()
        let index = try SubscriptionIndex(registry: test.registry)
        _ = writer.connect()
        try await writer.flush()
        test.advance(seconds: 6)
        writer.checkNow()
        #expect(try !index.refresh())
        #expect(index.loads == 1)
    }

    @Test("a gateway that comes, changes its address and leaves is followed")
    func gateways() async throws {
        let test = try TestRegistry()
        let index = try SubscriptionIndex(registry: test.registry)
        #expect(index.liveGateways.isEmpty)
        let writer = try test.startedWriter()
        try await writer.subscribe(writer.connect(), "t")
        #expect(try index.refresh())
        #expect(index.liveGateways.map(\.linkAddress) == ["unix:/a"])
        writer.listening(at: "http://new", operations: "http://operations")
        try await writer.flush()
        #expect(try index.refresh())
        #expect(index.liveGateways.map(\.httpAddress) == ["http://new"])
        #expect(index.gateways(for: "t").count == 1)
        await writer.close()
        #expect(try index.refresh())
        #expect(index.liveGateways.isEmpty && index.gateways(for: "t").isEmpty)
    }

    @Test("an index that the feed was pruned past reads everything again")
    func pruned() async throws {
        let test = try TestRegistry { $0.feedRowsKept = 10 }
        let writer = try test.startedWriter()
        let index = try SubscriptionIndex(registry: test.registry)
        let id = writer.connect()
        for number in 0..<100 { try await writer.subscribe(id, "t\(number)") }
        let rows = try await test.otherProcess().read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM changes") ?? 0
        }
        #expect((10..<21).contains(rows))
        #expect(try index.refresh())
        #expect(index.loads == 2)
        #expect(index.topicCount == 100)
        try await writer.subscribe(id, "one more")
        #expect(try index.refresh())
        #expect(index.loads == 2)
        #expect(index.topicCount == 101)
    }

    @Test("an index removes the gateway whose lease has lapsed, with all its rows")
    func lapsed() async throws {
        let test = try TestRegistry {
            $0.checkNanoseconds = 0
            $0.renewalNanoseconds = 0
        }
        // As a killed process would leave it: with rows, and with nobody to renew.
        let dead = test.gateway("dead")
        try await test.otherProcess().write { db in
            let statements = RegistryStatements(db)
            try statements.insert(dead)
            _ = try statements.insertInterests(["t"], of: dead.id)
            let connection = RowWrite.insertConnection(.random(), principal: nil, remoteAddress: "", atNanoseconds: 1)
            try statements.write([connection], of: dead.id)
        }
        let index = try SubscriptionIndex(registry: test.registry)
        try index.refresh()
        #expect(index.liveGateways.isEmpty && index.gateways(for: "t").isEmpty)
        // What it has left is removed beside the index.
        test.registry.removals.sync {}
        #expect(
            try test.registry.counts()
                == RegistryCounts(gateways: 0, publishers: 0, connections: 0, subscriptions: 0, topics: 0)
        )
    }

    @Test("what a removed gateway has left is nobody's, goes in slices, and stays when the gateway registers again")
    func leftovers() async throws {
        let test = try TestRegistry()
        let gone = test.gateway("gone")
        let topics = (0..<5).map { Topic(alreadyChecked: "t\($0)") }
        let other = try test.otherProcess()
        try await other.write { db in
            let statements = RegistryStatements(db)
            try statements.insert(gone)
            _ = try statements.insertInterests(topics, of: gone.id)
            let connection = RowWrite.insertConnection(.random(), principal: nil, remoteAddress: "", atNanoseconds: 1)
            try statements.write([connection], of: gone.id)
            try statements.remove(gone.id)
        }
        let index = try SubscriptionIndex(registry: test.registry)
        try index.refresh()
        #expect(index.gateways(for: topics) == Array(repeating: [], count: 5))
        #expect(try test.registry.connections(limit: 10).isEmpty)
        try await other.write { db in
            let statements = RegistryStatements(db)
            #expect(try statements.leavers() == [gone.id])
            #expect(try statements.removeRest(of: gone.id, atMost: 2) == true)
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM interests") == 3)
            try statements.insert(gone)
            #expect(try statements.removeRest(of: gone.id, atMost: 2) == false)
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM interests") == 3)
            try statements.remove(gone.id)
            while try statements.removeRest(of: gone.id, atMost: 2) {}
            #expect(try statements.leavers().isEmpty)
        }
        #expect(try test.registry.counts().topics == 0 && test.registry.counts().connections == 0)
    }

    @Test("the gateways of a removed registry stay known until they are in the new one", arguments: [true, false])
    func lostFile(withLog: Bool) async throws {
        let test = try TestRegistry { $0.checkNanoseconds = 3_600_000_000_000 }
        let first = try test.startedWriter("a")
        let second = try test.startedWriter("b")
        let id = first.connect()
        try await first.subscribe(id, "t")
        try await second.subscribe(second.connect(), "t")
        let index = try SubscriptionIndex(registry: test.registry)
        try test.removeFile(withLog: withLog)
        // The first gateway finds the file gone and goes over; the second hasn't looked yet.
        try await first.subscribe(id, "u")
        #expect(try index.refresh())
        #expect(index.gateways(for: "u").count == 1)
        #expect(index.gateways(for: "t").count == 2)
        #expect(index.liveGateways.count == 2)
        second.checkNow()
        try index.refresh()
        await second.close()
        try index.refresh()
        #expect(index.gateways(for: "t").count == 1)
        #expect(index.liveGateways.count == 1)
    }

    @Test("a registry that is damaged while it is in use is set aside, filled again and followed")
    func damaged() async throws {
        let test = try TestRegistry { $0.checkNanoseconds = 3_600_000_000_000 }
        let writer = try test.startedWriter()
        let id = writer.connect()
        for number in 0..<100 { try await writer.subscribe(id, "t\(number)") }
        try await writer.flush()
        let index = try SubscriptionIndex(registry: test.registry)
        let error = RegistryError(.corrupt, "found by somebody else")
        let other = RegistryConnection(
            database: try test.otherProcess(),
            identity: try #require(FileIdentity(path: test.path)),
            path: test.path
        )
        try test.registry.file.setAside(other, because: error)
        // A second one that found the same damage doesn't set the new file aside.
        writer.checkNow()
        try test.registry.file.setAside(other, because: error)
        try await writer.subscribe(id, "after")
        try index.refresh()
        #expect(index.gateways(for: "after").count == 1)
        #expect(index.gateways(for: "t7").count == 1)
        #expect(try test.registry.counts().topics == 101)
    }
}
