import ChangeQueue
import QueueEngine
import SluiceCore

/// The part of a `stream` consumer that all publishers share: its shards and who is there to read them.
struct StreamState: Hashable, Sendable {
    /// Most shards, those included that were split or merged and aren't retired yet: a receive's number has the low byte
    /// of the shard's in its own.
    static let maximumShards = 255

    /// In the order of their numbers; the open ones among them share out the hash space.
    var shards: [Shard]
    /// The publishers and when each is given up if nothing is heard of it, wall clock, nanoseconds.
    var publishers: [OwnerID: UInt64] = [:]
    /// The number that the next receive, or the next lease of a shard, gets.
    private(set) var nextReceive: UInt64

    /// A consumer that goes on after `cursor`.
    init(shards: Int, cursor: UInt64, nextReceive: UInt64) {
        self.init(shards: StreamState.evenShards(shards, cursor: cursor), nextReceive: nextReceive)
    }

    /// Takes a state as it was stored.
    init(shards: [Shard], publishers: [OwnerID: UInt64] = [:], nextReceive: UInt64) {
        self.shards = shards
        self.publishers = publishers
        // Seven bytes are left beside the shard's number; the time in nanoseconds is cut to them.
        self.nextReceive = max(nextReceive & (.max >> 8), 1)
    }

    /// A consumer that has no state: it goes on at its durable checkpoint, or at the oldest record.
    static func beginning(of queue: QueueID, _ attributes: QueueAttributes, _ origin: ConsumerOrigin) -> StreamState {
        StreamState(
            shards: attributes.shards,
            cursor: origin.cursor(queue),
            nextReceive: StageClock.wallNanoseconds()
        )
    }

    /// Free shards that share out the hash space evenly.
    static func evenShards(_ count: Int, cursor: UInt64) -> [Shard] {
        HashRange.even(min(max(count, 1), maximumShards)).enumerated().map { index, hashes in
            Shard(ShardExtent(id: UInt64(index), hashes: hashes, beginning: 0), checkpoint: cursor)
        }
    }

    /// Draws a number.
    mutating func takeReceive() -> UInt64 {
        defer { nextReceive = nextReceive >= .max >> 8 ? 1 : nextReceive + 1 }
        return nextReceive
    }

    /// Every record up to this one is retired: where a consumer that has lost its state goes on.
    var retiredThrough: UInt64 { shards.lazy.map(\.checkpoint).min() ?? 0 }

    /// Where each record belongs.
    var map: ShardMap { ShardMap(shards.map(\.extent)) }

    /// Shards that can be read: a child waits until its parents are retired.
    var readable: [Int] {
        let parents = shards.filter { $0.extent.end != nil }.map(\.extent)
        guard !parents.isEmpty else { return Array(shards.indices) }
        return shards.indices.filter { index in !parents.contains { shards[index].extent.isChild(of: $0) } }
    }

    /// Shards that one publisher may have, of so many that can be read.
    func fairShare(ofReadable readable: Int) -> Int {
        let publishers = max(publishers.count, 1)
        return (readable + publishers - 1) / publishers
    }

    /// The shards of a publisher.
    func shards(of owner: OwnerID) -> [Int] { shards.indices.filter { shards[$0].owner == owner } }

    /// Leases free shards up to the fair share.
    mutating func claim(for owner: OwnerID, until leasedUntil: UInt64) {
        guard shards.contains(where: { $0.owner == .none }) else { return }
        let readable = readable
        var room = fairShare(ofReadable: readable.count) - shards(of: owner).count
        for index in readable where room > 0 && shards[index].owner == .none {
            shards[index].owner = owner
            shards[index].lease = takeReceive()
            shards[index].leasedUntil = leasedUntil
            room -= 1
        }
    }

    /// Forgets what retention has trimmed.
    /// - Returns: how many records lay after the position of some shard; whose shard they were can't be known any more.
    mutating func trim(before first: UInt64) -> UInt64 {
        guard first > 1, let lowest = shards.lazy.map(\.handedThrough).min() else { return 0 }
        for index in shards.indices where shards[index].checkpoint < first - 1 {
            shards[index].retire(through: first - 1)
        }
        return first - 1 - min(lowest, first - 1)
    }

    /// Passes over what another queue has delivered.
    mutating func skip(through sequence: UInt64) {
        for index in shards.indices where shards[index].checkpoint < sequence {
            shards[index].retire(through: sequence)
        }
        removeRetired()
    }

    /// Removes the shards that were split or merged and are retired: their children can be read then.
    mutating func removeRetired() {
        guard shards.contains(where: \.isRetired) else { return }
        shards.removeAll(where: \.isRetired)
    }

    /// Goes back to the log's end when the log is older than the state, as after a restore.
    ///
    /// What was split or merged after that end was so at it.
    mutating func cut(after last: UInt64) {
        for index in shards.indices {
            shards[index].extent.beginning = min(shards[index].extent.beginning, last)
            shards[index].extent.end = shards[index].extent.end.map { min($0, last) }
            guard shards[index].touchedThrough > last else { continue }
            shards[index].checkpoint = min(shards[index].checkpoint, last)
            shards[index].handedThrough = min(shards[index].handedThrough, last)
            shards[index].rewoundThrough = min(shards[index].rewoundThrough, last)
        }
    }
}

extension StreamState {
    /// The records between the shards' positions: some retired, some in flight.
    ///
    /// Those before are retired, those after are visible.
    var uncertain: SequenceRange? {
        let lowest = retiredThrough
        let highest = shards.reduce(0) { max($0, $1.touchedThrough) }
        return highest > lowest ? SequenceRange(lowest + 1, highest) : nil
    }

    /// Where a record stands and how often it was received; nil when it is retired.
    ///
    /// A record that was retired before an earlier one of its shard counts as in flight: only the shard's reader
    /// knows of it. `map` is the state's own.
    func standing(of sequence: UInt64, topic: Topic, _ map: ShardMap, nowNanoseconds now: UInt64) -> RecordStanding? {
        guard let index = map.shard(ofHash: ShardKey.hash(of: topic), at: sequence) else { return nil }
        let shard = shards[index]
        if sequence <= shard.checkpoint { return nil }
        if sequence <= shard.handedThrough, shard.owner != .none, shard.leasedUntil > now {
            return RecordStanding(state: .inFlight, receiveCount: shard.receiveCount(of: sequence))
        }
        let isDelayed = sequence <= shard.rewoundThrough && shard.resumesAt > now
        let count = sequence <= shard.handedThrough ? 1 : shard.receiveCount(of: sequence) - 1
        return RecordStanding(state: isDelayed ? .delayed : .visible, receiveCount: count)
    }

    /// What may not be retired, ascending.
    func unretired(_ bounds: LogBounds) -> [SequenceRange] {
        let first = max(bounds.first, retiredThrough + 1)
        return first <= bounds.last ? [SequenceRange(first, bounds.last)] : []
    }
}
