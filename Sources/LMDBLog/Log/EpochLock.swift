import ChangeQueue
import LMDB
import PosixSupport
import SluiceCore

/// Who appends to a log holds this lock; whoever finds it free begins a new epoch.
///
/// So a log that was restored from a copy while nobody had it open can't be taken for the one that it was copied from, and several gateways
/// on one log are in one epoch.
enum EpochLock {
    /// Epochs that are kept: a client with an older one is told that all of its history differs.
    private static let keptEpochs: UInt64 = 10_000

    /// Takes the lock of the log in `directory`, and begins an epoch when nobody else had it.
    /// - Throws: what the system or LMDB refuses.
    static func enter(_ directory: String, _ environment: Environment, _ databases: LogDatabases) throws -> FileLock {
        let path = directory + "/writers.lock"
        if let lock = try FileLock(path, isExclusive: true, waits: false) {
            try environment.write { try begin($0, databases) }
            try lock.share()
            return lock
        }
        // Whoever has it for itself is about to share it.
        guard let lock = try FileLock(path, isExclusive: false, waits: true) else {
            throw ChangeQueueError(.cannotOpen, "The lock \(path) can't be shared.")
        }
        return lock
    }

    static func begin(_ transaction: borrowing WriteTransaction, _ databases: LogDatabases) throws {
        guard let database = databases.epochs else { return }
        let number = try transaction.last(database) { key, _ in key.storedInteger ?? 0 } ?? 0
        let first = SequenceNumber(try transaction.lastSequence(databases)).next
        try transaction.put(database, number + 1, EpochRecord(epoch: .random(), first: first).bytes)
        if number >= keptEpochs { _ = try transaction.delete(database, number + 1 - keptEpochs) }
    }
}

/// An epoch as the log stores it: its random number and the number of its first record, 8 bytes each, little-endian.
struct EpochRecord {
    let epoch: LogEpoch
    let first: SequenceNumber

    var bytes: [UInt8] {
        withUnsafeBytes(of: (epoch.rawValue.littleEndian, first.rawValue.littleEndian)) { Array($0) }
    }
}

extension EpochRecord {
    /// Reads the stored bytes; nil when they are too few.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 16 else { return nil }
        epoch = LogEpoch(rawValue: UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)))
        first = SequenceNumber(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
}

extension Transaction where Self: ~Copyable {
    /// The log's epochs.
    func epochs(_ databases: LogDatabases) throws -> LogEpochs {
        guard let database = databases.epochs else { return LogEpochs([]) }
        var beginnings: [LogEpochs.Beginning] = []
        try withCursor(database) { cursor in
            try cursor.forEach(from: 1 as UInt64) { _, value in
                if let record = value.withUnsafeBytes({ EpochRecord($0) }) {
                    beginnings.append(LogEpochs.Beginning(epoch: record.epoch, first: record.first))
                }
                return true
            }
        }
        return LogEpochs(beginnings)
    }
}
