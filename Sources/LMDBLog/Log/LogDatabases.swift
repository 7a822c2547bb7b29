import ChangeQueue
import LMDB

/// The databases of the change log; docs/storage.md describes their keys and values.
struct LogDatabases: Sendable {
    /// Sequence number → encoded record.
    let records: Database
    /// ``MetaKey`` → number.
    let meta: Database
    /// Topic → sequence number of its newest record, saved now and then.
    let heads: Database
    /// ``ItemKey`` → stored item.
    let items: Database
    /// Principal → bytes of the items that it wrote last; nil when a log of layout 1 is only read.
    let itemOwners: Database?
    /// Number of an epoch → ``EpochRecord``; nil when a log without epochs is only read.
    let epochs: Database?
    /// A message queue's name → its entry; see ``QueueCatalogue``.
    ///
    /// Nil when a log without queues is only read.
    let queues: Database?
    /// A message queue's number and a message's ordinal → message; nil when a log without queues is only read.
    let messages: Database?
    /// The order of FIFO queues and what they know of earlier sends; see ``OrderedMessages``.
    ///
    /// Nil when a log without it is only read.
    let ordered: Database?

    /// Named databases that there may be; LMDB asks for it when the environment is opened.
    static let maximumCount = 12

    /// Opens them, and creates them unless the environment is read-only.
    init(_ environment: Environment) throws(LMDBError) {
        records = try environment.openDatabase("records", options: [.create, .integerKey])
        meta = try environment.openDatabase("meta", options: .create)
        heads = try environment.openDatabase("heads", options: .create)
        items = try environment.openDatabase("items", options: .create)
        itemOwners = try LogDatabases.added("itemOwners", environment, [.create, .integerKey])
        epochs = try LogDatabases.added("epochs", environment, [.create, .integerKey])
        queues = try LogDatabases.added("queues", environment, .create)
        messages = try LogDatabases.added("messages", environment, .create)
        ordered = try LogDatabases.added("ordered", environment, .create)
    }

    /// A database that came after the first layout; nil when the log doesn't have it and is only read.
    private static func added(
        _ name: String,
        _ environment: Environment,
        _ options: DatabaseOptions
    ) throws(LMDBError) -> Database? {
        do throws(LMDBError) {
            return try environment.openDatabase(name, options: options)
        } catch  where error.code == .notFound && environment.options.contains(.readOnly) {
            return nil
        }
    }
}

/// The keys of the log's `meta` database; every value is a `UInt64`.
enum MetaKey: String {
    /// The layout's version, ``ChangeLog/formatVersion``.
    case formatVersion
    /// The log's own random number.
    case logID
    /// The configured map size of the process that opened the log last.
    case mapSizeBytes
    /// Records up to this one were trimmed: the sequence goes on from it when the log is empty.
    case trimmedThrough
    /// The `heads` database knows every record up to this one.
    case headsSavedThrough
    /// Topics whose newest record is at most this one may be missing from `heads`.
    case forgottenThrough
    /// When the wall clock was last believed: itself, the machine's uptime then, a hash of the boot's id.
    case clockWall
    /// See ``clockWall``.
    case clockUptime
    /// See ``clockWall``.
    case clockBoot
}

extension Transaction where Self: ~Copyable {
    /// A number of the `meta` database; 0 when it was never written.
    func meta(_ key: MetaKey, _ databases: LogDatabases) throws -> UInt64 {
        try get(databases.meta, key.rawValue) { $0.storedInteger ?? 0 } ?? 0
    }

    /// The newest sequence number that was ever given.
    func lastSequence(_ databases: LogDatabases) throws -> UInt64 {
        let last = try last(databases.records) { key, _ in key.storedInteger ?? 0 }
        return try last ?? meta(.trimmedThrough, databases)
    }
}

extension WriteTransaction {
    /// Writes a number of the `meta` database.
    func setMeta(_ key: MetaKey, _ value: UInt64, _ databases: LogDatabases) throws {
        try put(databases.meta, key.rawValue, value)
    }
}
