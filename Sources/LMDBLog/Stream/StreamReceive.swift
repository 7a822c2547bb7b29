import ChangeQueue

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
        consumer.shared.claim(for: consumer.owner, until: rules.visibleAt(now))
        consumer.followLeases()
        windowRecords = max(Int(clamping: rules.maximumInFlight) / max(consumer.shared.shards.count, 1), 1)
        let windowRecords = windowRecords
        let positions: [UInt64?] = consumer.windows.indices.map { index in
            guard let window = consumer.windows[index], !consumer.leaving.contains(index), !window.hasFailed else {
                return nil
            }
            let shard = consumer.shared.shards[index]
            return shard.resumesAt <= now && window.count < windowRecords ? shard.handedThrough : nil
        }
        self.positions = positions
        isWhole = consumer.windows.indices.allSatisfy { !consumer.reads($0) || positions[$0] != nil }
        let lowest = positions.compactMap { $0 }.min()
        start = lowest.flatMap { $0 < bounds.last ? $0 : nil }
        receive = start == nil ? 0 : consumer.shared.takeReceive()
    }

    /// Offers the next record of the log.
    /// - Returns: the handle's number and the receive count when the record is taken.
    mutating func offer(
        _ sequence: UInt64,
        shard: Int,
        _ consumer: inout StreamConsumer
    ) -> (number: UInt64, receiveCount: Int)? {
        guard let position = positions[shard], sequence > position else { return nil }
        guard let count = consumer.windows[shard]?.count, count < windowRecords else {
            // The window is full: the shard has been read up to the record before.
            pass(shard, through: sequence - 1, &consumer)
            positions[shard] = nil
            return nil
        }
        let number = StreamConsumer.handleNumber(receive, shard: shard)
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
    }

    private func pass(_ shard: Int, through sequence: UInt64, _ consumer: inout StreamConsumer) {
        consumer.shared.shards[shard].handedThrough = max(consumer.shared.shards[shard].handedThrough, sequence)
        consumer.settle(shard)
    }
}
