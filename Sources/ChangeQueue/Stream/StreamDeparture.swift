/// A publisher leaves: its shards are free at once.
struct StreamDeparture {
    /// Frees everything.
    func apply(to consumer: inout StreamConsumer) {
        for index in consumer.shared.shards(of: consumer.owner) { consumer.shared.shards[index].release() }
        consumer.shared.publishers[consumer.owner] = nil
        consumer.followLeases()
    }
}
