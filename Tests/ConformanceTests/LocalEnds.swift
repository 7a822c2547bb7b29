import ChangeQueue
import LMDB
import Logging
import SQLiteRegistry
import SluiceCore
import SubscriptionRegistry
import Synchronization
import TestSupport

@testable import LMDBLog

/// A log in a data directory. Its publishers share one store, as a process opens an LMDB environment once.
final class LocalLogEnds: LogEnds {
    private struct Opened {
        weak var store: ConsumerStore?
    }

    private let scratch = ScratchDirectory(isMade: false)
    private let log: ChangeLog
    private let writer: LogWriter
    private let run: RunDirectory
    private let ringer: DoorbellRinger
    private let opened = Mutex(Opened())
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(_ limits: ChangeLogConfiguration) throws {
        var configuration = limits
        configuration.directory = scratch.path("log")
        log = try ChangeLog.open(configuration)
        run = try RunDirectory(data: scratch.path)
        ringer = DoorbellRinger(run)
        writer = LogWriter(log: log, doorbell: ringer, logger: logger)
    }

    deinit { writer.shutdown() }

    var appending: any LogAppending { writer }
    var reading: any LogReading { writer }
    var signal: any LogSignal { ringer }

    func bell() throws -> any LogBell { try Doorbell(run) }

    func queue(_ id: QueueID, _ attributes: QueueAttributes) throws -> any ChangeQueue {
        try ChangeQueues.open(id, attributes, log: log, store: try store(), run: run, logger: logger)
    }

    private func store() throws -> ConsumerStore {
        if let store = opened.withLock({ $0.store }) { return store }
        let store = try ConsumerStore.open(
            scratch.path("consumers"),
            logID: log.logID,
            mapSizeBytes: 16 << 20,
            logger: logger
        )
        opened.withLock { $0.store = store }
        return store
    }

    func trim(before first: UInt64) throws {
        try log.environment.write { transaction in
            for sequence in 1..<first { try transaction.delete(log.databases.records, sequence) }
            try transaction.setMeta(.trimmedThrough, first - 1, log.databases)
        }
    }
}

/// A registry in a file.
final class LocalRegistryEnds: RegistryEnds {
    private let scratch = ScratchDirectory()
    private let registry: RegistryDatabase
    private let clock = HandClock(1_700_000_000_000_000_000)

    init(_ configuration: RegistryConfiguration) throws {
        var configuration = configuration
        configuration.wallNanoseconds = { [clock] in clock.now }
        registry = try RegistryDatabase(
            path: scratch.path("registry.sqlite"),
            configuration: configuration,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    func gateway(_ name: String) -> (id: GatewayID, directory: any SubscriptionDirectory) {
        let row = GatewayRow.named(name, at: clock)
        return (row.id, RegistryWriter(registry: registry, gateway: row))
    }

    func publisher() throws -> any SubscriptionFollowing { try SubscriptionIndex(registry: registry) }

    func advance(seconds: UInt64) { clock.advance(seconds: seconds) }
}
