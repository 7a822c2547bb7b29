import ChangeQueue

/// A `stream` consumer as one publisher has it: what is shared, and the windows of its own shards.
///
/// A value; each operation of the queue is a type of its own that changes it.
struct StreamConsumer: Sendable {
    let owner: OwnerID
    /// What is shared with the other publishers.
    var shared: StreamState
    /// Where each record belongs; always that of the shared shards.
    private(set) var map = ShardMap.empty
    /// The windows of the shards that this publisher reads, in their order; nil for the others.
    var windows: [ShardWindow?]
    /// Shards, by their numbers, that go to other publishers as soon as nothing of them is in flight.
    var leaving: Set<UInt64> = []

    /// A publisher that has nothing in its hands: shards that it had before, and lost track of, are free.
    init(owner: OwnerID, shared: StreamState) {
        self.owner = owner
        self.shared = shared
        windows = []
        for index in shared.shards(of: owner) { self.shared.shards[index].release() }
        followLeases()
    }

    /// Whether a shard is this publisher's.
    func reads(_ index: Int) -> Bool { windows[index] != nil }

    /// Takes the shared part as another publisher has left it.
    mutating func replaceShared(with shared: StreamState) {
        self.shared = shared
        followLeases()
    }

    /// Gives each leased shard a window and drops the windows of those that are lost: their handles are stale from now
    /// on.
    mutating func followLeases() {
        if !map.isOf(shared.shards) { followShards() }
        for (index, shard) in shared.shards.enumerated() {
            if shard.owner != owner {
                windows[index] = nil
                leaving.remove(shard.extent.id)
            } else if windows[index]?.lease != shard.lease {
                windows[index] = ShardWindow(lease: shard.lease)
                leaving.remove(shard.extent.id)
            }
        }
    }

    /// The shards were split or merged, or some are gone: each window goes with its shard.
    private mutating func followShards() {
        var kept: [UInt64: ShardWindow] = [:]
        for (index, extent) in map.extents.enumerated() { kept[extent.id] = windows[index] }
        map = shared.map
        windows = map.extents.map { kept[$0.id] }
        leaving.formIntersection(map.extents.map(\.id))
    }

    /// Removes the shards that are retired through their end; after it, a shard's place may be another one.
    mutating func removeRetired() {
        guard shared.shards.contains(where: \.isRetired) else { return }
        shared.removeRetired()
        followLeases()
    }

    /// After answers have come: moves the checkpoint, goes back to what failed, lets go what is to leave.
    mutating func settle(_ index: Int) {
        guard let window = windows[index] else { return }
        if window.hasFailed, let failed = windows[index]?.takeFailure() {
            let count = shared.shards[index].receiveCount(of: failed)
            shared.shards[index].rewind(to: failed - 1, attempts: UInt32(clamping: count))
        }
        guard let window = windows[index] else { return }
        let shard = shared.shards[index]
        shared.shards[index].retire(through: window.lowest.map { $0 - 1 } ?? shard.handedThrough)
        if leaving.contains(shard.extent.id), window.isEmpty {
            shared.shards[index].release()
            windows[index] = nil
            leaving.remove(shard.extent.id)
        }
    }

    // MARK: A receive's number

    /// The number that a shard's handles get: the receive's, and the low byte of the shard's in its own, so that an answer
    /// finds its window.
    static func handleNumber(_ receive: UInt64, _ shard: ShardExtent) -> UInt64 {
        receive << 8 | UInt64(shard.handleByte)
    }

    /// The shard of a handle; nil when there is none.
    func shard(ofHandleNumber number: UInt64) -> Int? {
        map.shard(ofHandleByte: UInt8(truncatingIfNeeded: number))
    }
}
