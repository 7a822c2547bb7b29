import LMDB
import Logging
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

/// A data directory with a log and a writer for one test, removed with it.
final class ConsumerScratch {
    private let scratch = ScratchDirectory(isMade: false)
    let log: ChangeLog
    let writer: LogWriter
    let run: RunDirectory
    let messages = LogMessages()
    var shards = QueueSemantics.stream.attributes.shards
    private var accepted: UInt64 = 0

    init() throws {
        var configuration = ChangeLogConfiguration(directory: scratch.path + "/log")
        configuration.mapSizeBytes = 64 << 20
        configuration.maximumReaders = 64
        configuration.retentionAge = .seconds(3600 * 24 * 365 * 100)
        log = try ChangeLog.open(configuration)
        writer = LogWriter(log: log)
        run = try RunDirectory(data: scratch.path)
    }

    deinit { writer.shutdown() }

    var directory: String { scratch.path }

    var consumers: String { directory + "/consumers" }

    var logger: Logger { messages.logger }

    /// Appends so many records, to seven topics in turn.
    func append(_ count: Int) async throws {
        _ = try await writer.append((0..<count).map { draft("t\((Int(accepted) + $0) % 7)") })
        accepted += UInt64(count)
    }

    /// Removes the records before `first` from the log, as retention does.
    func trim(before first: UInt64) throws {
        try log.environment.write { transaction in
            for sequence in 1..<first { try transaction.delete(log.databases.records, sequence) }
            try transaction.setMeta(.trimmedThrough, first - 1, log.databases)
        }
    }

    /// Opens the consumer as a process of its own does.
    func open(_ semantics: QueueSemantics) throws -> any ChangeQueue {
        try ChangeQueues.open(
            semantics.queueID,
            attributes(semantics),
            log: log,
            directory: consumers,
            run: run,
            logger: logger
        )
    }

    func openStore(bootID: String = BootMark.currentBootID(), logID: UInt32? = nil) throws -> ConsumerStore {
        try ConsumerStore.open(
            consumers,
            logID: logID ?? log.logID,
            mapSizeBytes: 16 << 20,
            bootID: bootID,
            logger: logger
        )
    }

    /// Opens one of several consumers of this process.
    func open(_ semantics: QueueSemantics, _ store: ConsumerStore) throws -> any ChangeQueue {
        try open(semantics.queueID, attributes(semantics), store)
    }

    func open(
        _ queue: QueueID,
        _ attributes: QueueAttributes,
        _ store: ConsumerStore
    ) throws -> any ChangeQueue {
        try ChangeQueues.open(queue, attributes, log: log, store: store, run: run, logger: logger)
    }

    private func attributes(_ semantics: QueueSemantics) -> QueueAttributes {
        var attributes = semantics.attributes
        attributes.shards = shards
        return attributes
    }

    func inspector(_ semantics: QueueSemantics) -> QueueInspector {
        inspector(semantics, run: run)
    }

    func inspector(_ semantics: QueueSemantics, run: RunDirectory?) -> QueueInspector {
        QueueInspector(
            log: log,
            directory: consumers,
            run: run,
            queue: semantics.queueID,
            kind: semantics.attributes.kind
        )
    }
}
