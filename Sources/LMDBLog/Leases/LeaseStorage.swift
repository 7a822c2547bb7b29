import ChangeQueue
import LMDB
import SluiceCore

/// How the state of a standard queue is stored: an entry a lease, and one for the rest.
struct LeaseStorage {
    private let queue: QueueID
    private let heads: Database
    private let leases: Database

    /// - Parameters:
    ///   - queue: whose state it is.
    ///   - heads: the database of the queues' heads.
    ///   - leases: the queue's own.
    init(_ queue: QueueID, heads: Database, leases: Database) {
        self.queue = queue
        self.heads = heads
        self.leases = leases
    }

    /// Reads the state; nil when the consumer has never existed.
    func load<Reading: Transaction & ~Copyable>(_ transaction: borrowing Reading) throws -> LeaseState? {
        let head = try transaction.get(heads, queue.name.string) { bytes in
            var row = StoredIntegers(bytes)
            guard bytes.byteCount <= LeaseStorage.headByteCount else { throw StoredIntegers.otherKind(queue, .stream) }
            return (cursor: try row.read(), nextReceive: try row.read())
        }
        guard let head else { return nil }
        var loaded: [Lease] = []
        try transaction.withCursor(leases) { cursor in
            try cursor.forEach(from: UInt64(1)) { key, value in
                loaded.append(try lease(key.storedInteger ?? 0, value, after: loaded.last))
                return true
            }
        }
        return LeaseState(cursor: head.cursor, nextReceive: head.nextReceive, leases: LeaseTable(loaded))
    }

    /// Writes what was changed since the last time.
    /// - Returns: whether there was anything.
    func save(_ state: inout LeaseState, in transaction: borrowing WriteTransaction) throws -> Bool {
        let changes = state.leases.takeChanges()
        for change in changes {
            switch change {
            case .delete(let first): try transaction.delete(leases, first)
            case .put(let lease): try row(of: lease).put(leases, lease.range.first, in: transaction)
            }
        }
        guard state.takeHeadChange() else { return !changes.isEmpty }
        var row = StoredIntegers()
        row.add(state.cursor)
        row.add(state.nextReceive)
        try row.put(heads, queue.name.string, in: transaction)
        return true
    }

    /// Bytes of a standard queue's head, cursor and next receive; a stream's has more.
    static let headByteCount = 16

    private func row(of lease: Lease) -> StoredIntegers {
        var row = StoredIntegers()
        row.add(lease.range.last)
        row.add(lease.receive)
        row.add(lease.owner)
        row.add(lease.visibleAt)
        row.add(UInt64(lease.receiveCount))
        return row
    }

    private func lease(_ first: UInt64, _ value: RawSpan, after previous: Lease?) throws -> Lease {
        var row = StoredIntegers(value)
        let last = try row.read()
        guard first > previous?.range.last ?? 0, last >= first, last < .max else {
            throw StoredIntegers.damaged("a lease goes from \(first) to \(last)")
        }
        return Lease(
            range: SequenceRange(first, last),
            receive: try row.read(),
            owner: try row.readOwner(),
            visibleAt: try row.read(),
            receiveCount: UInt32(clamping: try row.read())
        )
    }
}
