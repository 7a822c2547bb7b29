import ChangeQueue
import SluiceCore

/// The records are delivered: each shard's checkpoint moves to the last one before which everything is.
struct StreamCheckpoint {
    let handles: [ReceiptHandle]

    /// Retires what the handles hold.
    func apply(to consumer: inout StreamConsumer) {
        var touched = Set<Int>()
        for handle in handles {
            let shard = StreamConsumer.shard(ofHandleNumber: handle.receive)
            guard shard < consumer.windows.count, consumer.windows[shard] != nil else { continue }
            consumer.windows[shard]?.retire(handle.sequence.rawValue, receive: handle.receive)
            touched.insert(shard)
        }
        for shard in touched { consumer.settle(shard) }
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
            let shard = StreamConsumer.shard(ofHandleNumber: handle.receive)
            guard shard < consumer.windows.count,
                consumer.windows[shard]?.fail(handle.sequence.rawValue, receive: handle.receive) == true
            else { continue }
            consumer.shared.shards[shard].resumesAt = max(consumer.shared.shards[shard].resumesAt, resumesAt)
            touched.insert(shard)
        }
        for shard in touched { consumer.settle(shard) }
    }
}
