import ChangeQueue
import LMDB

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
