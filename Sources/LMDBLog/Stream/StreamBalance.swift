import ChangeQueue

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
        consumer.shared.claim(for: owner, until: until)
        consumer.followLeases()
    }

    /// What is above the fair share leaves when it is drained; nothing leaves when there is no excess.
    private func leave(_ consumer: inout StreamConsumer) {
        let own = consumer.shared.shards(of: consumer.owner)
        let excess = max(own.count - consumer.shared.fairShare, 0)
        consumer.leaving = Set(own.suffix(excess))
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
