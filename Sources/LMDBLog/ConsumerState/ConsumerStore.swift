import ChangeQueue
import LMDB
import Logging
import PosixSupport
import SluiceCore
import Synchronization

/// The consumer state on disk: an LMDB environment of its own, whose commits don't wait for the disk, shared by all
/// publishers.
///
/// A process crash loses nothing. After a crash of the machine the state isn't trusted (``BootMark``) and each consumer
/// begins at its durable checkpoint, which only repeats deliveries.
final class ConsumerStore: Sendable {
    /// The version of the layout in docs/storage.md.
    static let formatVersion: UInt64 = 1

    let environment: Environment
    let databases: ConsumerDatabases
    /// Where a consumer begins that has no state.
    let origin: ConsumerOrigin
    private let unsynced: UnsyncedEnvironment
    private let logger: Logger
    private let queues = Mutex(0)

    private init(_ unsynced: UnsyncedEnvironment, origin: ConsumerOrigin, logger: Logger) throws {
        self.unsynced = unsynced
        environment = unsynced.environment
        self.origin = origin
        self.logger = logger
        databases = try ConsumerDatabases(environment)
        try claim()
    }

    /// Opens the consumer state, and makes it when there is none; several processes may do so at once.
    /// - Parameters:
    ///   - directory: its directory; it and its parents are made.
    ///   - logID: the log that is consumed; the state of another log is discarded.
    ///   - mapSizeBytes: the most that the file can grow to.
    ///   - bootID: the running boot.
    ///   - logger: told of state that is discarded.
    /// - Returns: the store; someone must call ``leave()`` for each ``enter()``.
    /// - Throws: `cannotOpen`, `locked` for a second open in this process, `versionMismatch` for a newer layout.
    static func open(
        _ directory: String,
        logID: UInt32,
        mapSizeBytes: Int,
        bootID: String = BootMark.currentBootID(),
        logger: Logger
    ) throws(ChangeQueueError) -> ConsumerStore {
        let unsynced = try UnsyncedEnvironment(
            directory,
            mapSizeBytes: mapSizeBytes,
            maximumDatabases: ConsumerDatabases.maximumCount,
            bootID: bootID,
            losses: UnsyncedEnvironment.Losses(
                untrusted:
                    "the machine stopped while publishers ran: they go on at the durable checkpoint, some deliveries repeat",
                damaged:
                    "consumer state is damaged and set aside: it begins at the durable checkpoint, some deliveries repeat"
            ),
            logger: logger
        )
        return try ChangeQueueError.typing("open the consumer state in \(directory)") {
            try ConsumerStore(unsynced, origin: ConsumerOrigin(directory: directory, logID: logID), logger: logger)
        }
    }

    // MARK: Users

    /// A queue uses the store.
    func enter() { queues.withLock { $0 += 1 } }

    /// A queue has left.
    ///
    /// After the last one of all processes the state is synced and marked as whole.
    func leave() throws(ChangeQueueError) {
        let isLast = queues.withLock { queues in
            queues -= 1
            return queues == 0
        }
        if isLast { try unsynced.close() }
    }

    // MARK: Queues

    /// Where the state of a standard queue is kept; it is made.
    func leaseStorage(_ queue: QueueID) throws(ChangeQueueError) -> LeaseStorage {
        try ChangeQueueError.typing("open the state of the queue \(queue)") {
            LeaseStorage(
                queue,
                heads: databases.heads,
                leases: try ConsumerDatabases.openLeases(of: queue, environment)
            )
        }
    }

    // MARK: Whose state it is

    /// Checks the layout's version and marks the state as this log's; that of another log is discarded.
    private func claim() throws {
        // Opened before the transaction, since a database can't be opened inside one.
        let foreign = try environment.read { try isForeign($0) ? queues($0) : [] }
        let leases = try foreign.compactMap { try ConsumerDatabases.existingLeases(of: $0, environment) }
        let discarded = try environment.write { transaction -> Bool in
            let version = try transaction.get(databases.meta, "formatVersion") { $0.storedInteger ?? 0 } ?? 0
            guard version <= ConsumerStore.formatVersion else {
                throw ChangeQueueError(
                    .versionMismatch,
                    "Consumer state has layout version \(version), this version of Sluice reads \(ConsumerStore.formatVersion)."
                )
            }
            guard try isForeign(transaction) else { return false }
            try transaction.clear(databases.heads)
            for database in leases { try transaction.clear(database) }
            try transaction.put(databases.meta, "formatVersion", ConsumerStore.formatVersion)
            try transaction.put(databases.meta, "logID", UInt64(origin.logID))
            return version != 0
        }
        if discarded {
            logger.warning(
                "consumer state belonged to another change log and is discarded: delivery starts at its beginning",
                metadata: ["logID": "\(String(origin.logID, radix: 16))"]
            )
        }
    }

    /// Whether the state is another log's, or new.
    private func isForeign<Reading: Transaction & ~Copyable>(_ transaction: borrowing Reading) throws -> Bool {
        let version = try transaction.get(databases.meta, "formatVersion") { $0.storedInteger ?? 0 } ?? 0
        let logID = try transaction.get(databases.meta, "logID") { $0.storedInteger ?? 0 } ?? 0
        return version != ConsumerStore.formatVersion || logID != UInt64(origin.logID)
    }

    /// The queues that have state.
    private func queues<Reading: Transaction & ~Copyable>(_ transaction: borrowing Reading) throws -> [QueueID] {
        var queues: [QueueID] = []
        try transaction.withCursor(databases.heads) { cursor in
            // No name has a byte before it: no control character, no space.
            try cursor.forEach(from: "!") { key, _ in
                queues.append(QueueID(alreadyChecked: key.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }))
                return true
            }
        }
        return queues
    }
}

/// The databases of the consumer state; docs/storage.md describes their keys and values.
struct ConsumerDatabases: Sendable {
    /// Most databases of the environment: two for all queues, one for each standard queue that is open.
    static let maximumCount = 8

    /// Name → number: the layout's version and the log that the state belongs to.
    let meta: Database
    /// A queue's name → what there is once: cursor and numbers of a standard queue, the whole state of a stream.
    let heads: Database

    /// Opens them, and creates them unless the environment is read-only.
    init(_ environment: Environment) throws(LMDBError) {
        meta = try environment.openDatabase("meta", options: .create)
        heads = try environment.openDatabase("heads", options: .create)
    }

    /// Opens the leases of a standard queue, first sequence number → lease, and creates them unless the environment is read-only.
    static func openLeases(of queue: QueueID, _ environment: Environment) throws(LMDBError) -> Database {
        try environment.openDatabase(leasesName(queue), options: [.create, .integerKey])
    }

    /// Opens the leases of a queue; nil when there are none.
    static func existingLeases(of queue: QueueID, _ environment: Environment) throws(LMDBError) -> Database? {
        do throws(LMDBError) {
            return try environment.openDatabase(leasesName(queue), options: .integerKey)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// The two queues that there were first gave their databases their bare names.
    ///
    /// The prefix keeps any other queue's from being that of another database.
    static func leasesName(_ queue: QueueID) -> String {
        queue == .sqs || queue == .sns ? queue.name.string : "leases-" + queue.name.string
    }
}
