import LMDB
import QueueEngine
import SluiceCore

/// The keys of the `queues` and `messages` databases; docs/storage.md describes them.
///
/// A queue's entry stands under its name, which has no byte below `-`. What else there is stands under keys that are no names.
enum QueueCatalogue {
    /// The number that the next queue gets.
    static let nextNumber = "!next"
    /// Before the numbers of deleted queues that have messages left.
    private static let discarded: [UInt8] = Array("!discard".utf8)
    /// Before the counters of a queue.
    private static let counters: [UInt8] = Array("#".utf8)
    /// No name is below it.
    static let firstName = "-"

    /// Under what a deleted queue stands that has messages left.
    static func discardKey(_ queue: UInt32) -> [UInt8] { discarded + bigEndian(queue) }

    /// The queue of such a key; nil for another key.
    static func discardedQueue(_ key: [UInt8]) -> UInt32? {
        guard key.starts(with: discarded), key.count == discarded.count + 4 else { return nil }
        return key.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The first key of a deleted queue.
    static var firstDiscard: [UInt8] { discarded }

    /// Under what a queue's counters stand.
    static func countersKey(_ queue: UInt32) -> [UInt8] { counters + bigEndian(queue) }

    /// A message's key, ordered by queue and ordinal.
    static func messageKey(_ queue: UInt32, _ ordinal: UInt64) -> [UInt8] { bigEndian(queue) + bigEndian(ordinal) }

    /// The ordinal of a message's key; nil when the key is another queue's.
    static func ordinal(of key: RawSpan, in queue: UInt32) -> UInt64? {
        guard key.byteCount == 12,
            UInt32(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self)) == queue
        else {
            return nil
        }
        return UInt64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt64.self))
    }

    static func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }
}

/// What is counted of a queue, with each change of it.
struct QueueCounters {
    /// The newest ordinal that was given.
    var lastOrdinal: UInt64 = 0
    /// Messages.
    var messages: UInt64 = 0
    /// The newest number in the list of a FIFO queue's groups.
    var lastGroup: UInt64 = 0

    init() {}

    init?(_ bytes: RawSpan) {
        // Before FIFO queues there were two numbers.
        let numbers = bytes.numbers
        guard numbers.count == 2 || numbers.count == 3 else { return nil }
        (lastOrdinal, messages) = (numbers[0], numbers[1])
        if numbers.count == 3 { lastGroup = numbers[2] }
    }

    var bytes: [UInt8] { [lastOrdinal, messages, lastGroup].storedBytes }
}

extension Transaction where Self: ~Copyable {
    /// The entry of a queue; nil when there is none.
    func messageQueue(_ id: QueueID, _ databases: LogDatabases) throws -> MessageQueue? {
        guard let queues = databases.queues else { return nil }
        let stored = try get(queues, Array(id.name.utf8)) { $0.copied }
        return try stored.map { json in
            guard let queue = MessageQueue(id, json: json) else {
                throw QueueError(.storage, "The entry of the queue \(id) is damaged. Restore the log from a copy.")
            }
            return queue
        }
    }

    /// What is counted of a queue.
    func counters(of queue: UInt32, _ databases: LogDatabases) throws -> QueueCounters {
        guard let queues = databases.queues else { return QueueCounters() }
        return try get(queues, QueueCatalogue.countersKey(queue)) { QueueCounters($0) }.flatMap { $0 }
            ?? QueueCounters()
    }
}
