import ChangeQueue
import LMDB
import QueueEngine
import SluiceCore

/// How the state of a stream is stored: one entry, since there are a handful of shards and all of them move together.
struct StreamStorage {
    private let heads: Database
    private let queue: QueueID
    /// Stands where a state of a fixed number of shards has that number, and can't be one.
    private static let rangesMark: UInt64 = 1 << 32 | 2
    private static let extentIntegers = 5
    private static let shardIntegers = 9
    private static let publisherIntegers = 3

    /// - Parameters:
    ///   - queue: whose state it is.
    ///   - heads: the database of the queues' heads.
    init(_ queue: QueueID, heads: Database) {
        self.queue = queue
        self.heads = heads
    }

    /// Reads the state; nil when the consumer has never existed.
    func load<Reading: Transaction & ~Copyable>(_ transaction: borrowing Reading) throws -> StreamState? {
        try transaction.get(heads, queue.name.string) { bytes in
            guard bytes.byteCount != LeaseStorage.headByteCount else {
                throw StoredIntegers.otherKind(queue, .standard)
            }
            return try StreamStorage.state(from: StoredIntegers(bytes))
        }
    }

    /// Writes the state.
    func save(_ state: StreamState, in transaction: borrowing WriteTransaction) throws {
        try StreamStorage.row(of: state).put(heads, queue.name.string, in: transaction)
    }

    // MARK: The row

    /// The state as a row of numbers.
    static func row(of state: StreamState) -> StoredIntegers {
        var row = StoredIntegers()
        row.add(state.nextReceive)
        row.add(rangesMark)
        row.add(UInt64(state.shards.count))
        for shard in state.shards {
            row.add(shard.extent.id)
            row.add(shard.extent.hashes.first)
            row.add(shard.extent.hashes.last)
            row.add(shard.extent.beginning)
            row.add(shard.extent.end ?? .max)
            add(shard, to: &row)
        }
        for (owner, aliveUntil) in state.publishers {
            row.add(owner)
            row.add(aliveUntil)
        }
        return row
    }

    /// Reads the state from a row, also from one of a fixed number of shards.
    /// - Throws: `corruptRecord`.
    static func state(from row: StoredIntegers) throws(ChangeQueueError) -> StreamState {
        var row = row
        let nextReceive = try row.read()
        // The number of shards came here first, 1 to 255.
        let mark = try row.read()
        guard mark == rangesMark else {
            return try fixedShards(mark, nextReceive: nextReceive, from: &row)
        }
        let count = try checkedCount(try row.read(), of: shardIntegers + extentIntegers, in: row)
        var shards: [Shard] = []
        for _ in 0..<count {
            let (id, first, last) = (try row.read(), try row.read(), try row.read())
            let (beginning, end) = (try row.read(), try row.read())
            guard first <= last, beginning <= end else {
                throw StoredIntegers.damaged("the shard \(id) ends before it begins")
            }
            let extent = ShardExtent(
                id: id,
                hashes: HashRange(first, last),
                beginning: beginning,
                end: end == .max ? nil : end
            )
            shards.append(try shard(extent, from: &row))
        }
        try checkExtents(shards.map(\.extent))
        return StreamState(shards: shards, publishers: try publishers(from: &row), nextReceive: nextReceive)
    }

    /// A topic's shard was its hash modulo the number of shards: none of today's knows how far it was.
    ///
    /// All of them go on at the lowest checkpoint. So deliveries repeat, which gateways drop, and none is lost.
    private static func fixedShards(
        _ stored: UInt64,
        nextReceive: UInt64,
        from row: inout StoredIntegers
    ) throws(ChangeQueueError) -> StreamState {
        let count = try checkedCount(stored, of: shardIntegers, in: row)
        var old: [Shard] = []
        for _ in 0..<count {
            old.append(try shard(ShardExtent(id: 0, hashes: .all, beginning: 0), from: &row))
        }
        let touched = old.reduce(0) { max($0, $1.touchedThrough) }
        let attempts = old.reduce(1) { max($0, $1.attempts) }
        let checkpoint = old.lazy.map(\.checkpoint).min() ?? 0
        var shards = StreamState.evenShards(count, cursor: checkpoint)
        for index in shards.indices where touched > checkpoint {
            shards[index].rewoundThrough = touched
            shards[index].attempts = attempts
        }
        return StreamState(shards: shards, publishers: try publishers(from: &row), nextReceive: nextReceive)
    }

    private static func checkedCount(
        _ stored: UInt64,
        of integers: Int,
        in row: StoredIntegers
    ) throws(ChangeQueueError) -> Int {
        guard let count = Int(exactly: stored), (1...StreamState.maximumShards).contains(count),
            row.remaining >= count * integers
        else { throw StoredIntegers.damaged("the stream has \(stored) shards in \(row.remaining) numbers") }
        return count
    }

    /// Every hash has one open shard, and no two shards have the same place in a handle.
    private static func checkExtents(_ extents: [ShardExtent]) throws(ChangeQueueError) {
        let open = extents.filter { $0.end == nil }.map(\.hashes).sorted { $0.first < $1.first }
        let isWhole =
            open.first?.first == 0 && open.last?.last == .max
            && zip(open, open.dropFirst()).allSatisfy { $0.joined(with: $1) != nil }
        let isAscending = zip(extents, extents.dropFirst()).allSatisfy { $0.id < $1.id }
        guard isWhole, isAscending, Set(extents.map(\.handleByte)).count == extents.count else {
            throw StoredIntegers.damaged("the \(extents.count) shards of the stream don't share out the hashes")
        }
    }

    private static func publishers(from row: inout StoredIntegers) throws(ChangeQueueError) -> [OwnerID: UInt64] {
        var publishers: [OwnerID: UInt64] = [:]
        while row.remaining >= publisherIntegers {
            let owner = try row.readOwner()
            publishers[owner] = try row.read()
        }
        return publishers
    }

    private static func add(_ shard: Shard, to row: inout StoredIntegers) {
        row.add(shard.owner)
        row.add(shard.lease)
        row.add(shard.leasedUntil)
        row.add(shard.checkpoint)
        row.add(shard.handedThrough)
        row.add(shard.rewoundThrough)
        row.add(UInt64(shard.attempts))
        row.add(shard.resumesAt)
    }

    private static func shard(
        _ extent: ShardExtent,
        from row: inout StoredIntegers
    ) throws(ChangeQueueError) -> Shard {
        let owner = try row.readOwner()
        let (lease, leasedUntil, checkpoint) = (try row.read(), try row.read(), try row.read())
        var shard = Shard(extent, checkpoint: checkpoint)
        shard.owner = owner
        shard.lease = lease
        shard.leasedUntil = leasedUntil
        shard.handedThrough = max(try row.read(), shard.checkpoint)
        shard.rewoundThrough = try row.read()
        shard.attempts = UInt32(clamping: try row.read())
        shard.resumesAt = try row.read()
        return shard
    }
}
