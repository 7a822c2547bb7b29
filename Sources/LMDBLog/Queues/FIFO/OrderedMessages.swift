import LMDB
import QueueEngine
import SluiceCore

/// The durable side of FIFO queues, the database `ordered`: which messages a group has, which groups have any, and which deduplication ids were sent.
///
/// A group that gets its first message is put at the end of the queue's list of groups, and is taken from it with its last one: receivers learn of
/// groups from that list and needn't look at messages, however many a group has. docs/storage.md describes the keys.
struct OrderedMessages {
    let database: Database

    // MARK: - Keys

    /// (queue, group, ordinal) → nothing; with the ordinal 0 → the group's number in the list.
    private static let messageTag: UInt8 = 1
    /// (queue, number) → group.
    private static let groupTag: UInt8 = 2
    /// (queue, scope, deduplication id) → ``Sent``.
    private static let sentTag: UInt8 = 3
    /// (time, key of the deduplication id) → nothing.
    private static let timeTag: UInt8 = 4

    private static func messagePrefix(_ queue: UInt32, _ group: ByteString) -> [UInt8] {
        [messageTag] + QueueCatalogue.bigEndian(queue) + [UInt8(clamping: group.count)] + Array(group.utf8)
    }

    private static func messageKey(_ queue: UInt32, _ group: ByteString, _ ordinal: UInt64) -> [UInt8] {
        messagePrefix(queue, group) + QueueCatalogue.bigEndian(ordinal)
    }

    private static func groupKey(_ queue: UInt32, _ number: UInt64) -> [UInt8] {
        [groupTag] + QueueCatalogue.bigEndian(queue) + QueueCatalogue.bigEndian(number)
    }

    private static func sentKey(_ queue: MessageQueue, _ group: ByteString, _ id: ByteString) -> [UInt8] {
        let scope = queue.attributes.fifo?.scope == .messageGroup ? group : ""
        return [sentTag] + QueueCatalogue.bigEndian(queue.number) + [UInt8(clamping: scope.count)] + Array(scope.utf8)
            + Array(id.utf8)
    }

    private static func timeKey(_ time: UInt64, _ sentKey: [UInt8]) -> [UInt8] {
        [timeTag] + QueueCatalogue.bigEndian(time) + sentKey
    }

    // MARK: - Messages of groups

    /// Notes a message behind those of its group.
    func add(
        _ ordinal: UInt64,
        of group: ByteString,
        to queue: UInt32,
        _ counters: inout QueueCounters,
        in transaction: borrowing WriteTransaction
    ) throws {
        let head = OrderedMessages.messageKey(queue, group, 0)
        if try !transaction.contains(database, head) {
            counters.lastGroup += 1
            try transaction.put(database, head, counters.lastGroup)
            try transaction.put(database, OrderedMessages.groupKey(queue, counters.lastGroup), Array(group.utf8))
        }
        try transaction.put(database, OrderedMessages.messageKey(queue, group, ordinal), [UInt8]())
    }

    /// Takes a message out of its group, and a group without messages out of the list.
    func remove(
        _ ordinal: UInt64,
        of group: ByteString,
        from queue: UInt32,
        in transaction: borrowing WriteTransaction
    ) throws {
        try transaction.delete(database, OrderedMessages.messageKey(queue, group, ordinal))
        var hasMore = false
        try forEachMessage(of: group, in: queue, transaction) { _ in
            hasMore = true
            return false
        }
        guard !hasMore else { return }
        let head = OrderedMessages.messageKey(queue, group, 0)
        if let number = try transaction.get(database, head, { $0.storedInteger ?? 0 }) {
            try transaction.delete(database, OrderedMessages.groupKey(queue, number))
        }
        try transaction.delete(database, head)
    }

    /// A group's messages in their order, until `body` returns false.
    func forEachMessage(
        of group: ByteString,
        in queue: UInt32,
        _ transaction: borrowing some Transaction & ~Copyable,
        _ body: (_ ordinal: UInt64) throws -> Bool
    ) throws {
        let prefix = OrderedMessages.messagePrefix(queue, group)
        try transaction.withCursor(database) { cursor in
            try cursor.forEach(from: OrderedMessages.messageKey(queue, group, 1)) { key, _ in
                guard key.byteCount == prefix.count + 8, key.starts(with: prefix) else { return false }
                return try body(
                    UInt64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: prefix.count, as: UInt64.self))
                )
            }
        }
    }

    /// The groups that have messages, in the order in which they got their first one, from behind `number`.
    func forEachGroup(
        of queue: UInt32,
        after number: UInt64,
        _ transaction: borrowing some Transaction & ~Copyable,
        _ body: (_ number: UInt64, _ group: ByteString) throws -> Bool
    ) throws {
        let prefix = [OrderedMessages.groupTag] + QueueCatalogue.bigEndian(queue)
        try transaction.withCursor(database) { cursor in
            try cursor.forEach(from: OrderedMessages.groupKey(queue, number + 1)) { key, value in
                guard key.byteCount == prefix.count + 8, key.starts(with: prefix) else { return false }
                let found = UInt64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: prefix.count, as: UInt64.self))
                return try body(found, ByteString(String(decoding: value.copied, as: UTF8.self)))
            }
        }
    }

    // MARK: - Deduplication

    /// Where a message of the same deduplication id is stored, or was; nil when none was sent within the last five minutes.
    func sent(
        _ message: QueueMessage,
        to queue: MessageQueue,
        in transaction: borrowing WriteTransaction
    ) throws -> MessagePlace? {
        guard let group = message.groupID, let id = message.deduplicationID else { return nil }
        let stored = try transaction.get(database, OrderedMessages.sentKey(queue, group, id)) { Sent($0) }
        guard let sent = stored ?? nil, sent.isKnown(nowNanoseconds: message.sentAtNanoseconds) else { return nil }
        return MessagePlace(ordinal: sent.ordinal, id: sent.id, isDuplicate: true)
    }

    /// Notes a message's deduplication id.
    func note(
        _ message: QueueMessage,
        _ ordinal: UInt64,
        in queue: MessageQueue,
        in transaction: borrowing WriteTransaction
    ) throws {
        guard let group = message.groupID, let id = message.deduplicationID else { return }
        let key = OrderedMessages.sentKey(queue, group, id)
        if let old = try transaction.get(database, key, { Sent($0) }) ?? nil {
            try transaction.delete(database, OrderedMessages.timeKey(old.atNanoseconds, key))
        }
        let sent = Sent(atNanoseconds: message.sentAtNanoseconds, ordinal: ordinal, id: message.id)
        try transaction.put(database, key, sent.bytes)
        try transaction.put(database, OrderedMessages.timeKey(sent.atNanoseconds, key), [UInt8]())
    }

    /// Forgets up to so many deduplication ids of all queues that were sent before a time.
    /// - Returns: how many.
    @discardableResult
    func forget(before time: UInt64, maximum: Int, in transaction: borrowing WriteTransaction) throws -> Int {
        var keys: [[UInt8]] = []
        try transaction.withCursor(database) { cursor in
            try cursor.forEach(from: [OrderedMessages.timeTag]) { key, _ in
                guard keys.count < maximum, key.byteCount > 9, key.starts(with: [OrderedMessages.timeTag]),
                    UInt64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: 1, as: UInt64.self)) < time
                else { return false }
                keys.append(key.copied)
                return true
            }
        }
        for key in keys {
            try transaction.delete(database, key)
            try transaction.delete(database, Array(key.dropFirst(9)))
        }
        return keys.count
    }

    /// What is kept of a send.
    private struct Sent {
        let atNanoseconds: UInt64
        let ordinal: UInt64
        let id: MessageID

        init(atNanoseconds: UInt64, ordinal: UInt64, id: MessageID) {
            self.atNanoseconds = atNanoseconds
            self.ordinal = ordinal
            self.id = id
        }

        init?(_ bytes: RawSpan) {
            let numbers = bytes.numbers
            guard numbers.count == 4 else { return nil }
            self.init(
                atNanoseconds: numbers[0],
                ordinal: numbers[1],
                id: MessageID(high: numbers[2], low: numbers[3])
            )
        }

        /// A clock that was set back keeps an id longer, never shorter.
        func isKnown(nowNanoseconds now: UInt64) -> Bool {
            now < atNanoseconds.saturatingAdd(FIFOAttributes.deduplicationNanoseconds)
        }

        var bytes: [UInt8] { [atNanoseconds, ordinal, id.high, id.low].storedBytes }
    }
}
