import ChangeQueue
import LMDB
import SluiceCore

/// How the state of a stream is stored: one entry, since there are a handful of shards and all of them move together.
struct StreamStorage {
    private let heads: Database
    private let queue: QueueID
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
            var row = StoredIntegers(bytes)
            guard bytes.byteCount != LeaseStorage.headByteCount else {
                throw StoredIntegers.otherKind(queue, .standard)
            }
            let nextReceive = try row.read()
            let shardCount = try row.read()
            guard (1...UInt64(StreamState.maximumShards)).contains(shardCount),
                row.remaining >= Int(shardCount) * StreamStorage.shardIntegers
            else { throw StoredIntegers.damaged("the stream has \(shardCount) shards in \(row.remaining) numbers") }
            var shards: [Shard] = []
            for _ in 0..<shardCount { shards.append(try StreamStorage.shard(from: &row)) }
            var publishers: [OwnerID: UInt64] = [:]
            while row.remaining >= StreamStorage.publisherIntegers {
                let owner = try row.readOwner()
                publishers[owner] = try row.read()
            }
            return StreamState(shards: shards, publishers: publishers, nextReceive: nextReceive)
        }
    }

    /// Writes the state.
    func save(_ state: StreamState, in transaction: borrowing WriteTransaction) throws {
        var row = StoredIntegers()
        row.add(state.nextReceive)
        row.add(UInt64(state.shards.count))
        for shard in state.shards { StreamStorage.add(shard, to: &row) }
        for (owner, aliveUntil) in state.publishers {
            row.add(owner)
            row.add(aliveUntil)
        }
        try row.put(heads, queue.name.string, in: transaction)
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

    private static func shard(from row: inout StoredIntegers) throws -> Shard {
        let owner = try row.readOwner()
        let (lease, leasedUntil, checkpoint) = (try row.read(), try row.read(), try row.read())
        var shard = Shard(checkpoint: checkpoint)
        shard.owner = owner
        shard.lease = lease
        shard.leasedUntil = leasedUntil
        shard.handedThrough = max(try row.read(), checkpoint)
        shard.rewoundThrough = try row.read()
        shard.attempts = UInt32(clamping: try row.read())
        shard.resumesAt = try row.read()
        return shard
    }
}
