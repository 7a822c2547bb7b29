import ChangeQueue
import LMDB
import SluiceCore

/// A value of the consumer state: a row of numbers, 64 bits each, little-endian.
struct StoredIntegers {
    private var values: [UInt64] = []
    private var next = 0

    /// An empty row, to be written.
    init() {}

    /// A stored row, to be read.
    init(_ bytes: RawSpan) { values = bytes.numbers }

    /// Numbers that are left to read.
    var remaining: Int { values.count - next }

    /// Adds a number.
    mutating func add(_ value: UInt64) { values.append(value.littleEndian) }

    /// Adds an owner's two halves.
    mutating func add(_ owner: OwnerID) {
        add(owner.high)
        add(owner.low)
    }

    /// Reads the next number.
    /// - Throws: `corruptRecord` when there is none.
    mutating func read() throws(ChangeQueueError) -> UInt64 {
        guard next < values.count else { throw StoredIntegers.damaged("it ends too early") }
        defer { next += 1 }
        return values[next]
    }

    /// Reads an owner's two halves.
    /// - Throws: `corruptRecord` when they aren't there.
    mutating func readOwner() throws(ChangeQueueError) -> OwnerID {
        let high = try read()
        return OwnerID(high: high, low: try read())
    }

    /// Stores the row.
    func put(_ database: Database, _ key: some DatabaseKey, in transaction: borrowing WriteTransaction) throws {
        try values.withUnsafeBytes { try transaction.put(database, key, $0) }
    }

    /// The error for a queue that is opened as another kind than it has.
    static func otherKind(_ queue: QueueID, _ kind: QueueKind) -> ChangeQueueError {
        ChangeQueueError(
            .cannotOpen,
            "The queue \(queue) is of kind \(kind.rawValue), which can't be changed. Open it as that, or choose another name."
        )
    }

    /// The error for a value that isn't what was written.
    static func damaged(_ reason: String) -> ChangeQueueError {
        ChangeQueueError(
            .corruptRecord,
            """
            Consumer state is damaged: \(reason). Stop the publishers and remove the directory consumers; deliveries repeat \
            from the log's beginning.
            """
        )
    }
}
