import ChangeQueue
import Glibc
import LMDB
import PosixSupport
import SluiceCore

/// Who appends to a log holds this lock; whoever finds it free begins a new epoch.
///
/// So a log that was restored from a copy while nobody had it open can't be taken for the one that it was copied from, and several gateways
/// on one log are in one epoch.
enum EpochLock {
    /// How long another process may take to begin its epoch.
    private static let waitSeconds = 10
    /// Epochs that are kept: a client with an older one is told that all of its history differs.
    private static let keptEpochs: UInt64 = 10_000

    /// Takes the lock of the log in `directory`, and begins an epoch when nobody else had it.
    /// - Throws: what the system or LMDB refuses, `cannotOpen` when another process holds the lock for itself too long.
    static func enter(_ directory: String, _ environment: Environment, _ databases: LogDatabases) throws -> FileLock {
        let path = directory + "/writers.lock"
        if let lock = try FileLock(path, isExclusive: true, waits: false) {
            try environment.write { try begin($0, databases) }
            try lock.share()
            return lock
        }
        for _ in 0..<waitSeconds * 100 {
            if let lock = try FileLock(path, isExclusive: false, waits: false) { return lock }
            usleep(10_000)
        }
        throw ChangeQueueError(
            .cannotOpen,
            "Another process has held \(path) for itself for \(waitSeconds) s. Look for a gateway that is stopped at its start."
        )
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
