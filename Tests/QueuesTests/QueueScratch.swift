import ChangeQueue
import Foundation
import LMDB
import Logging
import QueueEngine
import SluiceCore
import Synchronization
import TestSupport

@testable import LMDBLog
@testable import Queues

/// Message queues in a directory of their own, which can be closed, opened again, and lose what receivers hold.
final class QueueScratch {
    private let directory: ScratchDirectory?
    private let path: String
    private(set) var store: LMDBMessageQueues
    private(set) var service: MessageQueueService
    private(set) var writer: LogWriter
    private let clock: WallClock

    /// `isInMemory`: on a file system that syncs nothing, for tests of thousands of commits.
    init(isInMemory: Bool = false, clock: WallClock = WallClock()) throws {
        let memory = "/dev/shm/sluice-test-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        if isInMemory, FileManager.default.isWritableFile(atPath: "/dev/shm") {
            directory = nil
            path = memory
        } else {
            let scratch = ScratchDirectory()
            directory = scratch
            path = scratch.path
        }
        self.clock = clock
        (store, service, writer) = try QueueScratch.open(path, clock)
    }

    deinit {
        try? store.close()
        try? FileManager.default.removeItem(atPath: path)
    }

    private static func open(
        _ path: String,
        _ clock: WallClock
    ) throws -> (LMDBMessageQueues, MessageQueueService, LogWriter) {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let log = try ChangeLog.open(ChangeLogConfiguration(directory: path + "/log"))
        let writer = LogWriter(log: log, logger: logger)
        let store = try LMDBMessageQueues(
            writer: writer,
            directory: path + "/queues",
            maximumInFlight: 50,
            logger: logger
        )
        return (store, MessageQueueService(store: store, wallNanoseconds: { clock.now }, logger: logger), writer)
    }

    func delete(_ handles: [MessageHandle], from id: QueueID) async throws -> [HandleStanding] {
        try await service.delete(handles, from: try service.queue(id))
    }

    /// The process ends and another begins; `losingReceives`: the machine has crashed in between.
    func restart(losingReceives: Bool = false) throws {
        try store.close()
        // The environments close with the last who holds them.
        let nothing = try QueueScratch.open(path + "/nothing", clock)
        (store, service, writer) = nothing
        if losingReceives { try BootMark(bootID: "another", isClean: false).write(in: path + "/queues") }
        (store, service, writer) = try QueueScratch.open(path, clock)
    }
}

/// A wall clock that tests move.
final class WallClock: Sendable {
    private let time = Mutex(StageClock.wallNanoseconds())

    var now: UInt64 { time.withLock { $0 } }

    func advance(seconds: Double) { time.withLock { $0 += UInt64(seconds * 1e9) } }
}

extension QueueMessage {
    init(
        _ body: String,
        at now: UInt64,
        delaySeconds: Int = 0,
        group: ByteString? = nil,
        deduplicationID: ByteString? = nil
    ) {
        self.init(
            body: body,
            sentAtNanoseconds: now,
            visibleAtNanoseconds: now + UInt64(delaySeconds) * 1_000_000_000,
            groupID: group,
            deduplicationID: deduplicationID
        )
    }
}

extension QueueScratch {
    /// The topics over the same store.
    var topics: TopicService {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return TopicService(store: store, queues: service, logger: logger)
    }

    /// How many keys of the catalogue count as those of topics, and how many there are altogether.
    func topicKeys() throws -> (counted: Int, present: Int) {
        try store.log.environment.read { transaction in
            let counted = try transaction.topicCounters(store.log.databases).keys
            let present = try store.log.databases.queues.map { try transaction.count($0) } ?? 0
            return (Int(counted), present)
        }
    }

    /// Flips a bit of a stored message's body.
    func damageMessage(of queue: UInt32, _ ordinal: UInt64) throws {
        try store.log.environment.write { transaction in
            guard let messages = store.log.databases.messages else { return }
            let key = QueueCatalogue.messageKey(queue, ordinal)
            var bytes = try transaction.get(messages, key) { $0.copied } ?? []
            bytes[44] ^= 1
            try transaction.put(messages, key, bytes)
        }
    }
}
