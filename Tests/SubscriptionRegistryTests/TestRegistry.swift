import Foundation
import GRDB
import Logging
public import SluiceCore
import TestSupport

@testable import SQLiteRegistry
@testable import SubscriptionRegistry

/// A registry in a directory of its own, with a wall clock that the test moves.
final class TestRegistry: Sendable {
    private let scratch = ScratchDirectory()
    let registry: RegistryDatabase
    let configuration: RegistryConfiguration
    private let wall = HandClock(1_700_000_000_000_000_000)

    var directory: String { scratch.path }
    var path: String { directory + "/registry.sqlite" }

    init(_ change: (inout RegistryConfiguration) -> Void = { _ in }) throws {
        var configuration = RegistryConfiguration()
        configuration.wallNanoseconds = { [wall] in wall.now }
        change(&configuration)
        self.configuration = configuration
        registry = try RegistryDatabase(
            path: scratch.path("registry.sqlite"),
            configuration: configuration,
            logger: TestRegistry.logger
        )
    }

    static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    func advance(seconds: UInt64) { wall.advance(seconds: seconds) }

    func gateway(_ name: String = "a") -> GatewayRow {
        GatewayRow(
            id: .random(),
            name: name,
            linkAddress: "unix:/\(name)",
            httpAddress: "http://\(name)",
            startedAtNanoseconds: wall.now
        )
    }

    func startedWriter(_ name: String = "a") throws -> RegistryWriter {
        let writer = RegistryWriter(registry: registry, gateway: gateway(name))
        try writer.start()
        return writer
    }

    /// Opens a connection of its own, as another process would.
    func otherProcess() throws -> DatabaseQueue {
        var settings = Configuration()
        settings.busyMode = .timeout(5)
        return try DatabaseQueue(path: path, configuration: settings)
    }

    /// Removes the file as an operator would, with or without what SQLite has beside it.
    func removeFile(withLog: Bool) throws {
        try FileManager.default.removeItem(atPath: path)
        guard withLog else { return }
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }
}

extension RegistryWriter {
    /// Subscribes and waits for the answer.
    func subscribe(_ id: ConnectionID, _ names: String...) async throws(RegistryError) {
        let topics = names.map(Topic.init(alreadyChecked:))
        typealias Waiter = CheckedContinuation<Result<Void, RegistryError>, Never>
        let result = await withCheckedContinuation { (continuation: Waiter) in
            subscribe(id, topics: topics) { continuation.resume(returning: $0) }
        }
        try result.get()
    }

    /// Connects a new client.
    func connect(principal: String? = nil) -> ConnectionID {
        let id = ConnectionID.random()
        connected(id, principal: principal, remoteAddress: "192.0.2.1:1")
        return id
    }

    func unsubscribe(_ id: ConnectionID, _ names: String...) {
        unsubscribe(id, topics: names.map(Topic.init(alreadyChecked:)))
    }
}

extension Topic: ExpressibleByStringLiteral {
    /// Tests write topics as literals.
    public init(stringLiteral value: String) { self.init(alreadyChecked: value) }
}
