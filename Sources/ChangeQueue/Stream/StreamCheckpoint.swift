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
