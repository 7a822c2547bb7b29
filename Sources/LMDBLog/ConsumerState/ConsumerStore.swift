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

    /// What is in the environment's directory.
    static let dataFile = "data.mdb"

    let environment: Environment
    let databases: ConsumerDatabases
    /// Where a consumer begins that has no state.
    let origin: ConsumerOrigin
    private let bootID: String
    private let logger: Logger
    // Held shared by everyone who has the state open.
    private let users: Mutex<FileLock?>
    private let queues = Mutex(0)

    private init(
        environment: Environment,
        origin: ConsumerOrigin,
        bootID: String,
        users: consuming FileLock?,
        logger: Logger
    ) throws {
        self.environment = environment
        self.origin = origin
        self.bootID = bootID
        self.users = Mutex(users)
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
        try ChangeQueueError.onSystem { () throws(SystemError) in try Directory.make(directory) }
        // Openings and closings take turns, so that nobody opens what another one is about to discard.
        let gate = try lock(directory + "/open.lock")
        defer { withExtendedLifetime(gate) {} }
        try discardUntrusted(directory, bootID, logger)
        try BootMark(bootID: bootID, isClean: false).write(in: directory)
        let users = try lock(directory + "/users.lock", isExclusive: false)
        return try ChangeQueueError.typing("open the consumer state in \(directory)") {
            try ConsumerStore(
                environment: openEnvironment(directory, mapSizeBytes, logger),
                origin: ConsumerOrigin(directory: directory, logID: logID),
                bootID: bootID,
                users: users,
                logger: logger
            )
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
        guard isLast else { return }
        let gate = try ConsumerStore.lock(origin.directory + "/open.lock")
        defer { withExtendedLifetime(gate) {} }
        try ChangeQueueError.typing("sync the consumer state") { try environment.sync() }
        users.withLock { $0 = nil }
        let others = try ConsumerStore.lock(origin.directory + "/users.lock", waits: false)
        if others != nil { try BootMark(bootID: bootID, isClean: true).write(in: origin.directory) }
    }

    /// The lock of a file, exclusive and waited for unless said otherwise.
    private static func lock(
        _ path: String,
        isExclusive: Bool = true,
        waits: Bool = true
    ) throws(ChangeQueueError) -> FileLock? {
        try ChangeQueueError.onSystem { () throws(SystemError) in
            try FileLock(path, isExclusive: isExclusive, waits: waits)
        }
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

    // MARK: Opening

    private static func discardUntrusted(
        _ directory: String,
        _ bootID: String,
        _ logger: Logger
    ) throws(ChangeQueueError) {
        guard DurableFile.exists(directory + "/" + dataFile) else { return }
        if let mark = BootMark.read(in: directory), mark.isTrusted(bootID: bootID) { return }
        logger.warning(
            "the machine stopped while publishers ran: they go on at the durable checkpoint, some deliveries repeat",
            metadata: ["directory": "\(directory)"]
        )
        DurableFile.remove(directory + "/" + dataFile)
        DurableFile.remove(directory + "/lock.mdb")
    }

    private static func openEnvironment(
        _ directory: String,
        _ mapSizeBytes: Int,
        _ logger: Logger
    ) throws -> Environment {
        func open() throws(LMDBError) -> Environment {
            try Environment(
                path: directory,
                mapSizeBytes: mapSizeBytes,
                maximumDatabases: ConsumerDatabases.maximumCount,
                maximumReaders: 256,
                options: .noSync
            )
        }
        do throws(LMDBError) { return try open() } catch {
            guard error.code == .invalid || error.code == .corrupted else { throw error }
            let damaged = directory + "/" + dataFile + ".damaged"
            logger.warning(
                "consumer state is damaged and set aside: it begins at the durable checkpoint, some deliveries repeat",
                metadata: ["error": "\(error)", "kept": "\(damaged)"]
            )
            DurableFile.move(directory + "/" + dataFile, to: damaged)
            DurableFile.remove(directory + "/lock.mdb")
            return try open()
        }
    }

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
