import LMDB
import QueueEngine
import SluiceCore

/// What receivers hold of the groups of FIFO queues: the database `groups` of ``ReceiveState``.
///
/// A group that is ready stands under its turn, a blocked one under the time when it isn't any more.
struct GroupStates {
    let database: Database

    /// (queue, group) → ``MessageGroup``.
    private static let stateTag: UInt8 = 1
    /// (queue, turn) → group.
    private static let turnTag: UInt8 = 2
    /// (queue, time, group) → nothing.
    private static let timeTag: UInt8 = 3
    /// (queue, attempt id) → ``ReceiveAttempt``.
    private static let attemptTag: UInt8 = 4

    private static func prefix(_ tag: UInt8, _ queue: UInt32) -> [UInt8] { [tag] + QueueCatalogue.bigEndian(queue) }

    private static func stateKey(_ queue: UInt32, _ group: ByteString) -> [UInt8] {
        prefix(stateTag, queue) + Array(group.utf8)
    }

    private static func lineKey(_ queue: UInt32, _ group: ByteString, _ phase: MessageGroup.Phase) -> [UInt8] {
        switch phase {
        case .ready(let turn): prefix(turnTag, queue) + QueueCatalogue.bigEndian(turn)
        case .blocked(let until): prefix(timeTag, queue) + QueueCatalogue.bigEndian(until) + Array(group.utf8)
        }
    }

    // MARK: - Groups

    /// A group as it was stored; nil for one that receivers don't know.
    func group(
        _ name: ByteString,
        of queue: UInt32,
        in transaction: borrowing some Transaction & ~Copyable
    ) throws -> MessageGroup? {
        try transaction.get(database, GroupStates.stateKey(queue, name)) { MessageGroup($0) }.flatMap { $0 }
    }

    /// Keeps a group in the place of `old`.
    func put(
        _ group: MessageGroup,
        replacing old: MessageGroup?,
        _ name: ByteString,
        of queue: UInt32,
        in transaction: borrowing WriteTransaction
    ) throws {
        if let old, old.phase != group.phase {
            try transaction.delete(database, GroupStates.lineKey(queue, name, old.phase))
        }
        try transaction.put(database, GroupStates.stateKey(queue, name), group.bytes)
        let value =
            switch group.phase {
            case .ready: Array(name.utf8)
            case .blocked: [UInt8]()
            }
        try transaction.put(database, GroupStates.lineKey(queue, name, group.phase), value)
    }

    /// Keeps nothing of a group any more.
    func remove(
        _ group: MessageGroup,
        _ name: ByteString,
        of queue: UInt32,
        in transaction: borrowing WriteTransaction
    ) throws {
        try transaction.delete(database, GroupStates.lineKey(queue, name, group.phase))
        try transaction.delete(database, GroupStates.stateKey(queue, name))
    }

    /// The groups that are ready, in the order of their turns.
    func ready(
        of queue: UInt32,
        maximum: Int,
        in transaction: borrowing some Transaction & ~Copyable
    ) throws -> [ByteString] {
        var found: [ByteString] = []
        try forEach(GroupStates.prefix(GroupStates.turnTag, queue), in: transaction) { _, value in
            found.append(ByteString(String(decoding: value.copied, as: UTF8.self)))
            return found.count < maximum
        }
        return found
    }

    /// The blocked groups by the time when they are ready, from a time on, until `body` returns false.
    func forEachBlocked(
        of queue: UInt32,
        from time: UInt64 = 0,
        in transaction: borrowing some Transaction & ~Copyable,
        _ body: (_ untilNanoseconds: UInt64, _ group: ByteString) throws -> Bool
    ) throws {
        let prefix = GroupStates.prefix(GroupStates.timeTag, queue)
        try forEach(prefix, from: QueueCatalogue.bigEndian(time), in: transaction) { key, _ in
            guard key.byteCount >= prefix.count + 8 else { return false }
            let until = UInt64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: prefix.count, as: UInt64.self))
            return try body(until, ByteString(String(decoding: key.copied.dropFirst(prefix.count + 8), as: UTF8.self)))
        }
    }

    // MARK: - Attempts

    /// What a receive of that attempt id handed out; nil when there was none.
    func attempt(
        _ id: ByteString,
        of queue: UInt32,
        in transaction: borrowing some Transaction & ~Copyable
    ) throws -> ReceiveAttempt? {
        let key = GroupStates.prefix(GroupStates.attemptTag, queue) + Array(id.utf8)
        return try transaction.get(database, key) { ReceiveAttempt($0) }.flatMap { $0 }
    }

    func put(
        _ attempt: ReceiveAttempt,
        _ id: ByteString,
        of queue: UInt32,
        in transaction: borrowing WriteTransaction
    ) throws {
        let key = GroupStates.prefix(GroupStates.attemptTag, queue) + Array(id.utf8)
        try transaction.put(database, key, attempt.bytes)
    }

    /// Forgets up to so many attempts of all queues that were made before a time.
    func forgetAttempts(before time: UInt64, maximum: Int, in transaction: borrowing WriteTransaction) throws {
        var keys: [[UInt8]] = []
        try forEach([GroupStates.attemptTag], in: transaction) { key, value in
            if ReceiveAttempt(value)?.atNanoseconds ?? 0 < time { keys.append(key.copied) }
            return keys.count < maximum
        }
        for key in keys { try transaction.delete(database, key) }
    }

    // MARK: - Queues that are gone

    /// Removes up to so many keys of a queue.
    /// - Returns: how many.
    func removeAll(of queue: UInt32, maximum: Int, in transaction: borrowing WriteTransaction) throws -> Int {
        var keys: [[UInt8]] = []
        for tag in GroupStates.stateTag...GroupStates.attemptTag {
            try forEach(GroupStates.prefix(tag, queue), in: transaction) { key, _ in
                guard keys.count < maximum else { return false }
                keys.append(key.copied)
                return true
            }
        }
        for key in keys { try transaction.delete(database, key) }
        return keys.count
    }

    private func forEach(
        _ prefix: [UInt8],
        from rest: [UInt8] = [],
        in transaction: borrowing some Transaction & ~Copyable,
        _ body: (RawSpan, RawSpan) throws -> Bool
    ) throws {
        try transaction.withCursor(database) { cursor in
            try cursor.forEach(from: prefix + rest) { key, value in
                guard key.starts(with: prefix) else { return false }
                return try body(key, value)
            }
        }
    }
}

/// What a receive with an attempt id handed out (API reference, "ReceiveMessage", ReceiveRequestAttemptId).
struct ReceiveAttempt {
    /// The receive.
    let receive: UInt64
    /// When it was, wall clock, nanoseconds since 1970.
    let atNanoseconds: UInt64
    /// The messages.
    let ordinals: [UInt64]

    /// For how long the same attempt is answered with the same messages, nanoseconds.
    static let keptNanoseconds: UInt64 = 300_000_000_000

    init(receive: UInt64, atNanoseconds: UInt64, ordinals: [UInt64]) {
        self.receive = receive
        self.atNanoseconds = atNanoseconds
        self.ordinals = ordinals
    }

    init?(_ bytes: RawSpan) {
        let numbers = bytes.numbers
        guard numbers.count >= 2 else { return nil }
        self.init(receive: numbers[0], atNanoseconds: numbers[1], ordinals: Array(numbers.dropFirst(2)))
    }

    var bytes: [UInt8] { ([receive, atNanoseconds] + ordinals).storedBytes }
}

extension MessageGroup {
    /// Reads a stored group: phase, its turn or time, and ordinal and time of each message in flight.
    fileprivate init?(_ bytes: RawSpan) {
        let numbers = bytes.numbers
        guard numbers.count >= 2, numbers.count % 2 == 0 else { return nil }
        let held = stride(from: 2, to: numbers.count, by: 2).map {
            Held(ordinal: numbers[$0], visibleAtNanoseconds: numbers[$0 + 1])
        }
        self.init(
            phase: numbers[0] == 0 ? .ready(turn: numbers[1]) : .blocked(untilNanoseconds: numbers[1]),
            held: held
        )
    }

    fileprivate var bytes: [UInt8] {
        let place: [UInt64] =
            switch phase {
            case .ready(let turn): [0, turn]
            case .blocked(let until): [1, until]
            }
        return (place + held.flatMap { [$0.ordinal, $0.visibleAtNanoseconds] }).storedBytes
    }
}
