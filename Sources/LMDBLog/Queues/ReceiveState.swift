import ChangeQueue
import LMDB
import Logging
import PosixSupport
import QueueEngine
import SluiceCore

/// What receivers hold of all message queues: an LMDB environment whose commits don't wait for the disk, shared by the gateways of one log.
///
/// A process crash loses nothing. After a crash of the machine the state isn't trusted (``BootMark``) and is begun anew: every message that isn't
/// deleted can be received at once, and was received by nobody.
final class ReceiveState: Sendable {
    /// What is kept of a queue once.
    struct Head {
        /// Every message up to this one was looked at; in a FIFO queue every group up to this one of the list.
        var cursor: UInt64 = 0
        /// The number of the next receive.
        ///
        /// It begins at the time when the head was made, so that a handle of a state that was lost is none of
        /// the new one.
        var nextReceive: UInt64
        /// Messages of which an entry is kept.
        var entries: UInt64 = 0
        /// The turn that the next group gets that is ready.
        var nextTurn: UInt64 = 1

        /// Draws a turn.
        mutating func takeTurn() -> UInt64 {
            defer { nextTurn += 1 }
            return nextTurn
        }
    }

    private static let maximumDatabases = 8

    let environment: Environment
    private let heads: Database
    private let entries: Database
    private let times: Database
    let groups: GroupStates
    // Nil when it is only looked at.
    private let unsynced: UnsyncedEnvironment?

    /// Opens the state, and makes it when there is none.
    /// - Throws: `ChangeQueueError`.
    init(_ directory: String, logID: UInt32, mapSizeBytes: Int = 1 << 30, logger: Logger) throws(ChangeQueueError) {
        let unsynced = try UnsyncedEnvironment(
            directory,
            mapSizeBytes: mapSizeBytes,
            maximumDatabases: ReceiveState.maximumDatabases,
            bootID: BootMark.currentBootID(),
            losses: UnsyncedEnvironment.Losses(
                untrusted: "the machine stopped while messages were in flight: they can be received again",
                damaged: "what receivers hold is damaged and set aside: messages in flight can be received again"
            ),
            logger: logger
        )
        self.unsynced = unsynced
        let environment = unsynced.environment
        let opened = try ChangeQueueError.typing("open what receivers hold in \(directory)") {
            (
                heads: try environment.openDatabase("heads", options: .create),
                entries: try environment.openDatabase("entries", options: .create),
                times: try environment.openDatabase("times", options: .create),
                groups: try environment.openDatabase("groups", options: .create)
            )
        }
        self.environment = environment
        (heads, entries, times) = (opened.heads, opened.entries, opened.times)
        groups = GroupStates(database: opened.groups)
        try ChangeQueueError.typing("claim what receivers hold in \(directory)") { [heads, entries, times, groups] in
            try environment.write { transaction in
                let stored = try transaction.get(heads, "logID") { $0.storedInteger ?? 0 }
                guard stored != UInt64(logID) else { return }
                for database in [heads, entries, times, groups.database] { try transaction.clear(database) }
                try transaction.put(heads, "logID", UInt64(logID))
            }
        }
    }

    /// Syncs the state and marks it as whole, if nobody else has it open.
    func close() throws(ChangeQueueError) { try unsynced?.close() }

    private init(_ environment: Environment) throws(LMDBError) {
        unsynced = nil
        self.environment = environment
        heads = try environment.openDatabase("heads")
        entries = try environment.openDatabase("entries")
        times = try environment.openDatabase("times")
        groups = GroupStates(database: try environment.openDatabase("groups"))
    }

    /// Opens the state of a log for looking only.
    /// - Returns: the state; nil when there is none, or none that a gateway would trust: then every message can be received.
    /// - Throws: `locked` for a second open in this process.
    static func existing(_ directory: String, logID: UInt32) throws(ChangeQueueError) -> ReceiveState? {
        guard DurableFile.isReadable(directory + "/" + UnsyncedEnvironment.dataFile),
            BootMark.read(in: directory)?.isTrusted(bootID: BootMark.currentBootID()) == true
        else { return nil }
        return try ChangeQueueError.typing("read what receivers hold in \(directory)") {
            let environment = try Environment(
                path: directory,
                mapSizeBytes: 0,
                maximumDatabases: ReceiveState.maximumDatabases,
                options: .readOnly
            )
            do {
                let state = try ReceiveState(environment)
                let stored = try environment.read { try $0.get(state.heads, "logID") { $0.storedInteger ?? 0 } }
                return stored == UInt64(logID) ? state : nil
            } catch let error as LMDBError where error.code == .notFound {
                // Just being made.
                return nil
            }
        }
    }

    // MARK: - Heads

    func head(of queue: UInt32, in transaction: borrowing some Transaction & ~Copyable) throws -> Head {
        let stored = try transaction.get(heads, QueueCatalogue.bigEndian(queue)) { bytes -> Head? in
            // Before FIFO queues there were three numbers.
            let numbers = bytes.numbers
            guard numbers.count == 3 || numbers.count == 4 else { return nil }
            return Head(
                cursor: numbers[0],
                nextReceive: numbers[1],
                entries: numbers[2],
                nextTurn: numbers.count == 4 ? numbers[3] : 1
            )
        }
        return (stored ?? nil) ?? Head(nextReceive: StageClock.wallNanoseconds())
    }

    func put(_ head: Head, of queue: UInt32, in transaction: borrowing WriteTransaction) throws {
        let numbers = [head.cursor, head.nextReceive, head.entries, head.nextTurn]
        try transaction.put(heads, QueueCatalogue.bigEndian(queue), numbers.storedBytes)
    }

    // MARK: - Entries

    /// What is kept of a message; nil when nothing is.
    func entry(
        _ queue: UInt32,
        _ ordinal: UInt64,
        in transaction: borrowing some Transaction & ~Copyable
    ) throws -> ReceiveEntry? {
        try transaction.get(entries, QueueCatalogue.messageKey(queue, ordinal)) { bytes -> ReceiveEntry? in
            guard bytes.byteCount >= ReceiveState.entryByteCount else { return nil }
            return ReceiveEntry(
                visibleAtNanoseconds: UInt64(
                    littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self)
                ),
                receive: UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                receiveCount: UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 24, as: UInt32.self)),
                firstReceivedAtNanoseconds: UInt64(
                    littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 16, as: UInt64.self)
                )
            )
        }.flatMap { $0 }
    }

    /// Bytes of an entry; behind it stands the group of a FIFO queue's message.
    private static let entryByteCount = 28

    /// The group of a kept message; nil for a message of a standard queue.
    func group(
        of ordinal: UInt64,
        _ queue: UInt32,
        in transaction: borrowing some Transaction & ~Copyable
    ) throws -> ByteString? {
        try transaction.get(entries, QueueCatalogue.messageKey(queue, ordinal)) { bytes -> ByteString? in
            guard bytes.byteCount > ReceiveState.entryByteCount else { return nil }
            return ByteString(String(decoding: bytes.copied.dropFirst(ReceiveState.entryByteCount), as: UTF8.self))
        }.flatMap { $0 }
    }

    /// Keeps an entry in the place of `old`.
    ///
    /// A message of a `group` isn't found by its time: its group is.
    func put(
        _ entry: ReceiveEntry,
        replacing old: ReceiveEntry?,
        _ queue: UInt32,
        _ ordinal: UInt64,
        of group: ByteString? = nil,
        _ head: inout Head,
        in transaction: borrowing WriteTransaction
    ) throws {
        if let old, group == nil {
            try transaction.delete(times, ReceiveState.timeKey(queue, old.visibleAtNanoseconds, ordinal))
        }
        if old == nil { head.entries += 1 }
        var bytes = [entry.visibleAtNanoseconds, entry.receive, entry.firstReceivedAtNanoseconds].flatMap { number in
            withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }
        withUnsafeBytes(of: entry.receiveCount.littleEndian) { bytes.append(contentsOf: $0) }
        if let group { bytes += Array(group.utf8) }
        try transaction.put(entries, QueueCatalogue.messageKey(queue, ordinal), bytes)
        guard group == nil else { return }
        try transaction.put(times, ReceiveState.timeKey(queue, entry.visibleAtNanoseconds, ordinal), [UInt8(0)])
    }

    /// Keeps nothing of a message any more; what of its group waits for it can be received.
    func remove(
        _ queue: UInt32,
        _ ordinal: UInt64,
        _ head: inout Head,
        in transaction: borrowing WriteTransaction
    ) throws {
        guard let old = try entry(queue, ordinal, in: transaction) else { return }
        if let name = try group(of: ordinal, queue, in: transaction) {
            try release(ordinal, of: name, queue, &head, in: transaction)
        }
        try transaction.delete(times, ReceiveState.timeKey(queue, old.visibleAtNanoseconds, ordinal))
        try transaction.delete(entries, QueueCatalogue.messageKey(queue, ordinal))
        head.entries -= min(head.entries, 1)
    }

    /// A message of a group is deleted, or visible again.
    func release(
        _ ordinal: UInt64,
        of name: ByteString,
        _ queue: UInt32,
        _ head: inout Head,
        in transaction: borrowing WriteTransaction
    ) throws {
        guard let old = try groups.group(name, of: queue, in: transaction) else { return }
        var group = old
        if group.release(ordinal, turn: head.nextTurn) { head.nextTurn += 1 }
        try groups.put(group, replacing: old, name, of: queue, in: transaction)
    }

    /// Removes up to so many keys of a queue that is gone.
    /// - Returns: whether there are more.
    func removeAll(of queue: UInt32, maximum: Int, in transaction: borrowing WriteTransaction) throws -> Bool {
        let prefix = QueueCatalogue.bigEndian(queue)
        var removed = try groups.removeAll(of: queue, maximum: maximum, in: transaction)
        for database in [entries, times] {
            var keys: [[UInt8]] = []
            try transaction.withCursor(database) { cursor in
                try cursor.forEach(from: prefix) { key, _ in
                    guard key.starts(with: prefix), keys.count < maximum else { return false }
                    keys.append(key.copied)
                    return true
                }
            }
            for key in keys { try transaction.delete(database, key) }
            removed += keys.count
        }
        if removed == 0 { try transaction.delete(heads, prefix) }
        return removed > 0
    }

    /// Ordinals of kept entries with the time from which on they can be received, the earliest first, until `body` returns false.
    func forEachTime(
        of queue: UInt32,
        from time: UInt64 = 0,
        in transaction: borrowing some Transaction & ~Copyable,
        _ body: (_ visibleAtNanoseconds: UInt64, _ ordinal: UInt64) throws -> Bool
    ) throws {
        try transaction.withCursor(times) { cursor in
            try cursor.forEach(from: ReceiveState.timeKey(queue, time, 0)) { key, _ in
                guard key.byteCount == 20,
                    UInt32(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self)) == queue
                else { return false }
                return try body(
                    UInt64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt64.self)),
                    UInt64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: 12, as: UInt64.self))
                )
            }
        }
    }

    private static func timeKey(_ queue: UInt32, _ time: UInt64, _ ordinal: UInt64) -> [UInt8] {
        QueueCatalogue.bigEndian(queue) + QueueCatalogue.bigEndian(time) + QueueCatalogue.bigEndian(ordinal)
    }
}
