import SluiceCore

/// The bookkeeping of one turn's fan-out.
struct FanOutTurn {
    /// The topics' batches.
    var batches: [TopicBatch] = []
    /// What became of each delivery.
    var tallies: [DeliveryTally]
    /// Events written.
    var events = 0
    /// Records dropped as repetitions.
    var repetitions = 0
    /// Records read from the log.
    var filled = 0

    init(deliveries: Int) { tallies = Array(repeating: DeliveryTally(), count: deliveries) }

    /// Counts records that `sockets` sockets took.
    mutating func count(_ sockets: UInt32, _ items: ArraySlice<TopicBatch.Item>) {
        guard sockets > 0 else { return }
        events += Int(sockets) * items.count
        for item in items {
            guard let delivery = item.delivery else { continue }
            tallies[delivery].sockets += sockets
        }
    }

    /// Names a connection that was too slow in the receipts of the records that it didn't take.
    mutating func noteSlow(_ connection: ConnectionID, _ items: [TopicBatch.Item]) {
        for delivery in Set(items.compactMap(\.delivery)) { tallies[delivery].slow.append(connection) }
    }
}
