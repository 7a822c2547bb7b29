import ChangeQueue
import Logging
import SluiceCore

/// The `stream` consumer of one publisher: performs the operations on the shared shards, each in one transaction.
final class StreamQueue: ChangeQueue {
    /// The consumer, and what of it is in the store.
    private struct Kept {
        var consumer: StreamConsumer
        var stored: StreamState?
    }

    let id: QueueID
    let attributes: QueueAttributes
    private let reader: LogReader
    private let membership: ConsumerMembership
    private let storage: StreamStorage
    private let rules: LeaseRules
    private let logger: Logger
    private var cache = StateCache<Kept>()
    private var trims = TrimCount()
    /// The log's commit at which everything was read: until the next one there is nothing.
    private var quietAtCommit: UInt64?

    /// Records that one receive looks at: with few shards of its own, a publisher skips most of them.
    private static let maximumVisited = 65_536

    /// Takes part in the consumer, and takes shards.
    /// - Throws: `ChangeQueueError`.
    init(
        _ id: QueueID,
        _ attributes: QueueAttributes,
        log: ChangeLog,
        store: ConsumerStore,
        run: RunDirectory,
        deliveredThrough: UInt64 = 0,
        logger: Logger
    ) throws(ChangeQueueError) {
        self.id = id
        self.attributes = attributes
        self.logger = logger
        reader = log.reader
        storage = StreamStorage(id, heads: store.databases.heads)
        rules = LeaseRules(attributes)
        membership = try ConsumerMembership(id, store, run, logger)
        let last = try reader.bounds().last
        let stored = try update("open the queue") { consumer in
            let lost = consumer.shared.retiredThrough - min(consumer.shared.retiredThrough, last)
            consumer.shared.cut(after: last)
            consumer.shared.skip(through: min(deliveredThrough, last))
            return (shards: consumer.shared.shards.count { $0.extent.end == nil }, lost: lost)
        }
        if stored.shards != attributes.shards {
            logger.info(
                "the consumer keeps the shards that it has: they are split and merged by command",
                metadata: ["shards": "\(stored.shards)", "configured": "\(attributes.shards)"]
            )
        }
        if stored.lost > 0 {
            logger.warning("the log ends before the consumer's position, as after a restore: it goes on at the end")
        }
        _ = try heartbeat(nowNanoseconds: StageClock.wallNanoseconds())
    }

    func receive(
        maximumRecords: Int,
        maximumBytes: Int,
        nowNanoseconds now: UInt64
    ) throws(ChangeQueueError) -> [ReceivedRecord] {
        // Read before the log, so that a commit that comes in between is looked at next time.
        let commit = reader.commitCount
        if commit == quietAtCommit, cache.isCurrent(membership.store) { return [] }
        guard maximumRecords > 0 else { return [] }
        var trimmed: UInt64 = 0
        let (received, isQuiet) = try update("receive") { consumer -> ([ReceivedRecord], Bool) in
            let bounds = try reader.bounds()
            var receive = StreamReceive(&consumer, rules: rules, bounds, nowNanoseconds: now)
            trimmed = receive.trimmed
            guard let start = receive.start else { return ([], receive.isWhole) }
            let (received, readThrough) = try read(
                SequenceRange(start + 1, bounds.last),
                &receive,
                &consumer,
                maximumRecords: maximumRecords,
                maximumBytes: maximumBytes
            )
            receive.finish(readThrough: readThrough, &consumer)
            return (received, receive.isWhole && received.isEmpty && readThrough >= bounds.last)
        }
        quietAtCommit = isQuiet ? commit : nil
        trims.note(trimmed, logger)
        return received
    }

    func retire(_ handles: [ReceiptHandle], nowNanoseconds: UInt64) throws(ChangeQueueError) {
        let opensShards = try update("move the checkpoint") { consumer in
            let shards = consumer.shared.shards.count
            StreamCheckpoint(handles: handles).apply(to: &consumer)
            return consumer.shared.shards.count != shards
        }
        if opensShards { quietAtCommit = nil }
    }

    func retry(_ handles: [ReceiptHandle], after delay: Duration, nowNanoseconds now: UInt64) throws(ChangeQueueError) {
        quietAtCommit = nil
        let resumesAt = now.saturatingAdd(delay.wholeNanoseconds)
        try update("go back to records") { StreamRewind(handles: handles, resumesAt: resumesAt).apply(to: &$0) }
    }

    var trimmedRecords: UInt64 { trims.records }

    func heartbeat(nowNanoseconds now: UInt64) throws(ChangeQueueError) -> Duration {
        quietAtCommit = nil
        let (retiredThrough, isBehind) = try update("show life") { consumer in
            let others = Set(consumer.shared.publishers.keys).union(consumer.shared.shards.map(\.owner))
            let dead = membership.dead(among: others)
            StreamBalance(dead: dead, rules: rules, nowNanoseconds: now).apply(to: &consumer)
            let own = consumer.shared.shards(of: consumer.owner)
            let last = try reader.bounds().last
            let isBehind = own.contains { index in
                let shard = consumer.shared.shards[index]
                return !shard.isHandedOut && shard.handedThrough < last
            }
            return (consumer.shared.retiredThrough, isBehind)
        }
        try membership.maintain(nowNanoseconds: now)
        membership.save(retiredThrough: retiredThrough)
        return isBehind ? .zero : .nanoseconds(Int64(clamping: rules.visibilityNanoseconds))
    }

    func depth(nowNanoseconds: UInt64) throws(ChangeQueueError) -> QueueDepth {
        let shared = try update("read the queue's depth") { $0.shared }
        return try ConsumerView.stream(shared).depth(of: id, reader, nowNanoseconds: nowNanoseconds)
    }

    func close() throws(ChangeQueueError) {
        let retiredThrough = try update("close the queue") { consumer in
            StreamDeparture().apply(to: &consumer)
            return consumer.shared.retiredThrough
        }
        try membership.leave(retiredThrough: retiredThrough)
    }

    /// Offers the records of a range.
    /// - Returns: those that were taken, and the last one that was offered.
    private func read(
        _ range: SequenceRange,
        _ receive: inout StreamReceive,
        _ consumer: inout StreamConsumer,
        maximumRecords: Int,
        maximumBytes: Int
    ) throws -> (received: [ReceivedRecord], readThrough: UInt64) {
        var received: [ReceivedRecord] = []
        var readThrough = range.first - 1
        var (bytes, visited) = (0, 0)
        try reader.visit([range]) { header, encoded in
            if !received.isEmpty, bytes + encoded.count > maximumBytes { return false }
            let hash = ShardKey.hash(of: header.topic)
            readThrough = header.sequence.rawValue
            visited += 1
            if let (number, count) = receive.offer(header.sequence.rawValue, hash: hash, &consumer) {
                bytes += encoded.count
                received.append(
                    ReceivedRecord(
                        record: EncodedRecord(header, encoded),
                        handle: ReceiptHandle(sequence: header.sequence, receive: number),
                        receiveCount: count
                    )
                )
            }
            return received.count < maximumRecords && visited < StreamQueue.maximumVisited
        }
        return (received, readThrough)
    }

    private func update<Result>(
        _ operation: @autoclosure () -> String,
        _ body: (inout StreamConsumer) throws -> Result
    ) throws(ChangeQueueError) -> Result {
        let (store, owner) = (membership.store, membership.owner)
        return try ChangeQueueError.typing(operation()) {
            try cache.update(
                store,
                load: { transaction, old in
                    let stored = try storage.load(transaction)
                    let shared = stored ?? StreamState.beginning(of: id, attributes, store.origin)
                    guard var consumer = old?.consumer else {
                        return Kept(consumer: StreamConsumer(owner: owner, shared: shared), stored: stored)
                    }
                    consumer.replaceShared(with: shared)
                    return Kept(consumer: consumer, stored: stored)
                },
                save: { kept, transaction in
                    guard kept.consumer.shared != kept.stored else { return false }
                    try storage.save(kept.consumer.shared, in: transaction)
                    kept.stored = kept.consumer.shared
                    return true
                },
                { try body(&$0.consumer) }
            )
        }
    }
}
