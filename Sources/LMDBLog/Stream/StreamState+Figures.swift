import ChangeQueue
import SluiceCore

extension StreamState {
    /// The records between the shards' positions: some retired, some in flight.
    ///
    /// Those before are retired, those after are visible.
    var uncertain: SequenceRange? {
        let lowest = retiredThrough
        let highest = shards.reduce(0) { max($0, $1.handedThrough, $1.rewoundThrough) }
        return highest > lowest ? SequenceRange(lowest + 1, highest) : nil
    }

    /// Where a record stands and how often it was received; nil when it is retired.
    ///
    /// A record that was retired before an earlier one of its shard counts as in flight: only the shard's reader
    /// knows of it.
    func standing(of sequence: UInt64, topic: Topic, nowNanoseconds now: UInt64) -> RecordStanding? {
        let shard = shards[ShardKey.shard(of: topic, count: shards.count)]
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
