import Foundation
import GRDB
import SluiceCore
import Testing

@testable import SQLiteRegistry
@testable import SubscriptionRegistry

@Suite struct RegistryDatabaseTests {
    @Test("a file that isn't a database is set aside and made anew")
    func notADatabase() throws {
        let test = try TestRegistry()
        try test.removeFile(withLog: true)
        try Data(repeating: 0x41, count: 5_000).write(to: URL(fileURLWithPath: test.path))
        let registry = try RegistryDatabase(path: test.path, logger: TestRegistry.logger)
        #expect(try registry.counts().gateways == 0)
        #expect(try Data(contentsOf: URL(fileURLWithPath: test.path + ".set-aside")).count == 5_000)
    }

    @Test("the file and its two companions are for its owner and group, for principals and addresses stand in them")
    func modes() async throws {
        let test = try TestRegistry()
        let writer = try test.startedWriter()
        try await writer.subscribe(writer.connect(), "a")
        for suffix in ["", "-wal", "-shm"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: test.path + suffix)
            #expect(attributes[.posixPermissions] as? Int == 0o640, "\(suffix)")
        }
    }

    @Test("a file with damage inside is set aside and made anew")
    func damagedPages() async throws {
        let test = try TestRegistry()
        let writer = try test.startedWriter()
        let id = writer.connect()
        for number in 0..<200 { try await writer.subscribe(id, "topic/\(number)") }
        try await writer.flush()
        let other = try test.otherProcess()
        try await other.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
        let handle = try #require(FileHandle(forWritingAtPath: test.path))
        try handle.seek(toOffset: 4_096)
        try handle.write(contentsOf: Data(repeating: 0x5A, count: 4_096 * 6))
        try handle.close()
        let registry = try RegistryDatabase(path: test.path, logger: TestRegistry.logger)
        #expect(try registry.counts().topics == 0)
        #expect(FileManager.default.fileExists(atPath: test.path + ".set-aside"))
    }

    @Test("a file of another version is set aside at a start and left alone later")
    func otherVersion() throws {
        let test = try TestRegistry()
        try test.removeFile(withLog: true)
        try test.otherProcess().write { db in
            try db.execute(sql: "CREATE TABLE gateways (id TEXT); PRAGMA user_version = 99")
        }
        #expect { try test.registry.counts() } throws: { ($0 as? RegistryError)?.code == .versionMismatch }
        #expect { try RegistryDatabase.openReadOnly(path: test.path, logger: TestRegistry.logger) } throws: {
            ($0 as? RegistryError)?.code == .versionMismatch
        }
        _ = try RegistryDatabase(path: test.path, logger: TestRegistry.logger)
        #expect(try test.registry.counts().gateways == 0)
    }

    @Test("a registry that isn't there can't be opened for reading, and its directory is named when it is missing")
    func missing() throws {
        let path = "/nowhere/registry.sqlite"
        #expect { try RegistryDatabase.openReadOnly(path: path, logger: TestRegistry.logger) } throws: {
            ($0 as? RegistryError)?.code == .notFound
        }
        #expect { try RegistryDatabase(path: path, logger: TestRegistry.logger) } throws: {
            ($0 as? RegistryError)?.code == .cannotOpen && "\($0)".contains(path)
        }
    }

    @Test("a registry can be read when no process has it open")
    func readWithoutProcesses() throws {
        let directory: String
        do {
            let test = try TestRegistry()
            directory = test.directory + "-copy"
            try test.registry.renew(PublisherRow(id: "p", operationsAddress: "http://p", queue: "sqs"))
            try test.otherProcess().writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: test.path, toPath: directory + "/registry.sqlite")
        }
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let registry = try RegistryDatabase.openReadOnly(
            path: directory + "/registry.sqlite",
            logger: TestRegistry.logger
        )
        #expect(try registry.publishers().map(\.id) == ["p"])
    }

    @Test("a publisher's row is kept by renewing it and removed when it lapses")
    func publishers() throws {
        let test = try TestRegistry()
        try test.registry.renew(PublisherRow(id: "a", operationsAddress: "http://a", queue: "sqs"))
        test.advance(seconds: 10)
        try test.registry.renew(PublisherRow(id: "b", operationsAddress: "http://b", queue: "sqs"))
        #expect(try Set(test.registry.publishers().map(\.id)) == ["a", "b"])
        test.advance(seconds: 10)
        try test.registry.renew(PublisherRow(id: "b", operationsAddress: "http://b", queue: "sqs"))
        #expect(try test.registry.publishers().map(\.id) == ["b"])
        try test.registry.remove(publisher: "b")
        #expect(try test.registry.publishers().isEmpty)
    }

    @Test("connections are listed newest first with their gateway, principal and subscriptions")
    func connections() async throws {
        let test = try TestRegistry()
        let writer = try test.startedWriter()
        let older = writer.connect(principal: "anna")
        test.advance(seconds: 1)
        let newer = writer.connect()
        try await writer.subscribe(older, "b", "a")
        try await writer.flush()
        let rows = try test.registry.connections(limit: 10)
        #expect(rows.map(\.id) == [newer, older])
        #expect(rows.map(\.principal) == [nil, "anna"])
        #expect(rows.map(\.subscriptions) == [0, 2])
        #expect(rows[0].connectedAtNanoseconds - rows[1].connectedAtNanoseconds == 1_000_000_000)
        #expect(try test.registry.gateways().map(\.id) == [rows[0].gatewayID])
        #expect(try test.registry.topics(of: older) == ["a", "b"])
        #expect(try test.registry.connections(limit: 1).map(\.id) == [newer])
        #expect(
            try test.registry.counts()
                == RegistryCounts(gateways: 1, publishers: 0, connections: 2, subscriptions: 2, topics: 2)
        )
    }
}
