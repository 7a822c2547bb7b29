import ChangeQueue
import SluiceCore

/// GetRecords: reads on in every shard of this publisher at once, in the order of the log.
///
/// The caller offers the log's records one by one from ``start`` on and says at the end how far it read.
struct StreamReceive {
    /// Where to read: after this record.
    ///
    /// Nil when there is nothing to read.
    let start: UInt64?
    /// The receive's number.
    let receive: UInt64
    /// Whether every shard of this publisher is read on; otherwise some wait for answers or for their time.
    let isWhole: Bool
    /// Records that were trimmed before they were handed out; of those that only some shards had passed, an upper bound.
    let trimmed: UInt64
    private let windowRecords: Int
    /// For each shard: the last record that is not to be taken from it; nil when nothing is.
    private var positions: [UInt64?]

    /// Begins a receive: claims shards that are free.
    init(_ consumer: inout StreamConsumer, rules: LeaseRules, _ bounds: LogBounds, nowNanoseconds now: UInt64) {
        trimmed = consumer.shared.trim(before: bounds.first)
        consumer.shared.removeRetired()
        consumer.shared.claim(for: consumer.owner, until: rules.visibleAt(now))
        consumer.followLeases()
        windowRecords = max(Int(clamping: rules.maximumInFlight) / max(consumer.shared.shards.count, 1), 1)
        let windowRecords = windowRecords
        let positions: [UInt64?] = consumer.windows.indices.map { index in
            let shard = consumer.shared.shards[index]
            guard let window = consumer.windows[index], !consumer.leaving.contains(shard.extent.id), !window.hasFailed,
                !shard.isHandedOut
            else { return nil }
            return shard.resumesAt <= now && window.count < windowRecords ? shard.handedThrough : nil
        }
        self.positions = positions
        isWhole = consumer.windows.indices.allSatisfy { index in
            !consumer.reads(index) || positions[index] != nil || consumer.shared.shards[index].isHandedOut
        }
        let lowest = positions.compactMap { $0 }.min()
        start = lowest.flatMap { $0 < bounds.last ? $0 : nil }
        receive = start == nil ? 0 : consumer.shared.takeReceive()
    }

    /// Offers the next record of the log, whose topic has the hash.
    /// - Returns: the handle's number and the receive count when the record is taken.
    mutating func offer(
        _ sequence: UInt64,
        hash: UInt64,
        _ consumer: inout StreamConsumer
    ) -> (number: UInt64, receiveCount: Int)? {
        guard let shard = consumer.map.shard(ofHash: hash, at: sequence), let position = positions[shard],
            sequence > position
        else { return nil }
        guard let count = consumer.windows[shard]?.count, count < windowRecords else {
            // The window is full: the shard has been read up to the record before.
            pass(shard, through: sequence - 1, &consumer)
            positions[shard] = nil
            return nil
        }
        let number = StreamConsumer.handleNumber(receive, consumer.shared.shards[shard].extent)
        consumer.windows[shard]?.append(sequence, receive: number)
        positions[shard] = sequence
        return (number, consumer.shared.shards[shard].receiveCount(of: sequence))
    }

    /// Ends the receive: everything up to `sequence` was offered.
    func finish(readThrough sequence: UInt64, _ consumer: inout StreamConsumer) {
        for shard in positions.indices {
            guard let position = positions[shard] else { continue }
            pass(shard, through: max(position, sequence), &consumer)
        }
        consumer.removeRetired()
    }

    private func pass(_ shard: Int, through sequence: UInt64, _ consumer: inout StreamConsumer) {
        consumer.shared.shards[shard].pass(through: sequence)
        consumer.settle(shard)
    }
}

/// The records are delivered: each shard's checkpoint moves to the last one before which everything is.
struct StreamCheckpoint {
    let handles: [ReceiptHandle]

    /// Retires what the handles hold.
    func apply(to consumer: inout StreamConsumer) {
        var touched = Set<Int>()
        for handle in handles {
            guard let shard = consumer.shard(ofHandleNumber: handle.receive), consumer.reads(shard) else { continue }
            consumer.windows[shard]?.retire(handle.sequence.rawValue, receive: handle.receive)
            touched.insert(shard)
        }
        for shard in touched { consumer.settle(shard) }
        consumer.removeRetired()
    }
}

/// The records couldn't be delivered: their shards stop, and go back to the lowest failed record when the rest of
/// what is in flight is answered and the time is over.
///
/// So a shard is delivered in order, and what failed holds up its shard only.
struct StreamRewind {
    let handles: [ReceiptHandle]
    let resumesAt: UInt64

    /// Notes the failures.
    func apply(to consumer: inout StreamConsumer) {
        var touched = Set<Int>()
        for handle in handles {
            guard let shard = consumer.shard(ofHandleNumber: handle.receive),
                consumer.windows[shard]?.fail(handle.sequence.rawValue, receive: handle.receive) == true
            else { continue }
            consumer.shared.shards[shard].resumesAt = max(consumer.shared.shards[shard].resumesAt, resumesAt)
            touched.insert(shard)
        }
        for shard in touched { consumer.settle(shard) }
        consumer.removeRetired()
    }
}

/// A publisher shows that it lives, frees what dead and silent ones hold, and takes or gives shards so that all
/// publishers have about as many.
struct StreamBalance {
    /// Publishers that are known to be gone.
    let dead: Set<OwnerID>
    let rules: LeaseRules
    let nowNanoseconds: UInt64

    /// Balances once; it converges when every publisher does so now and then.
    func apply(to consumer: inout StreamConsumer) {
        let owner = consumer.owner
        let until = rules.visibleAt(nowNanoseconds)
        consumer.shared.publishers = consumer.shared.publishers.filter { publisher, aliveUntil in
            publisher == owner || (aliveUntil > nowNanoseconds && !dead.contains(publisher))
        }
        consumer.shared.publishers[owner] = until
        for index in consumer.shared.shards.indices {
            let shard = consumer.shared.shards[index]
            if shard.owner == owner {
                consumer.shared.shards[index].leasedUntil = until
            } else if shard.owner != .none,
                consumer.shared.publishers[shard.owner] == nil || shard.leasedUntil <= nowNanoseconds
            {
                consumer.shared.shards[index].release()
            }
        }
        leave(&consumer)
        consumer.shared.removeRetired()
        consumer.shared.claim(for: owner, until: until)
        consumer.followLeases()
    }

    /// What is above the fair share leaves when it is drained; nothing leaves when there is no excess.
    private func leave(_ consumer: inout StreamConsumer) {
        let own = consumer.shared.shards(of: consumer.owner)
        let share = consumer.shared.fairShare(ofReadable: consumer.shared.readable.count)
        let excess = max(own.count - share, 0)
        consumer.leaving = Set(own.suffix(excess).map { consumer.shared.shards[$0].extent.id })
        for index in own.suffix(excess) { consumer.settle(index) }
    }
}

/// A publisher leaves: its shards are free at once.
struct StreamDeparture {
    /// Frees everything.
    func apply(to consumer: inout StreamConsumer) {
        for index in consumer.shared.shards(of: consumer.owner) { consumer.shared.shards[index].release() }
        consumer.shared.publishers[consumer.owner] = nil
        consumer.followLeases()
    }
}
