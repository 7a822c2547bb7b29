package import ChangeQueue
import LMDB
package import Logging
import QueueEngine
package import SluiceCore

/// One shard of a stream, as DescribeStream shows it, and how far its reader is.
package struct ShardDescription: Hashable, Sendable {
    /// Its number.
    package let id: UInt64
    /// The lowest and the highest hash of its topics.
    package let firstHash: UInt64
    /// The highest hash of its topics.
    package let lastHash: UInt64
    /// Its records come after this one.
    package let beginning: SequenceNumber
    /// Its last record may be this one, when it was split or merged; nil as long as it is open.
    package let end: SequenceNumber?
    /// The publisher that reads it; nil when nobody does.
    package let owner: String?
    /// Whether it waits until the shards are retired whose topics it goes on with.
    package let waitsForParents: Bool
    /// Every record of it up to this one is retired.
    package let checkpoint: SequenceNumber
    /// Records of it after the checkpoint, among the million that were looked at.
    package var recordsBehind: UInt64 = 0
    /// How old the oldest of those is, seconds; 0 when there is none.
    package var iteratorAgeSeconds: Double = 0
}

/// A publishers' stream from the outside: its shards, and the splits and merges of them.
package enum StreamShards {
    /// Splits or merges shards, whether or not publishers run: those that do notice it with their next transaction.
    /// - Parameters:
    ///   - change: which.
    ///   - queue: the stream.
    ///   - attributes: what it begins with when nobody has used it.
    ///   - dataDirectory: where log and consumer state are.
    ///   - mapSizeBytes: what publishers open the consumer state with.
    ///   - logger: told of state that was lost.
    /// - Returns: the numbers of the new shards.
    /// - Throws: `cannotReshard`, `cannotOpen` when there is no log or the queue is of another kind, `locked`, `storage`.
    package static func reshard(
        _ change: StreamReshard,
        of queue: QueueID,
        _ attributes: QueueAttributes,
        dataDirectory: String,
        mapSizeBytes: Int = 256 << 20,
        logger: Logger
    ) throws(ChangeQueueError) -> [UInt64] {
        let log = try ChangeLog.openReadOnly(directory: dataDirectory + "/log")
        let store = try ConsumerStore.open(
            dataDirectory + "/consumers",
            logID: log.logID,
            mapSizeBytes: mapSizeBytes,
            logger: logger
        )
        store.enter()
        let result: Result<[UInt64], ChangeQueueError>
        do throws(ChangeQueueError) {
            result = .success(try reshard(change, of: queue, attributes, log: log, store: store))
        } catch {
            result = .failure(error)
        }
        try store.leave()
        return try result.get()
    }

    static func reshard(
        _ change: StreamReshard,
        of queue: QueueID,
        _ attributes: QueueAttributes,
        log: ChangeLog,
        store: ConsumerStore
    ) throws(ChangeQueueError) -> [UInt64] {
        let storage = StreamStorage(queue, heads: store.databases.heads)
        return try ChangeQueueError.typing("change the shards of \(queue)") {
            try store.environment.write { transaction in
                var state = try storage.load(transaction) ?? .beginning(of: queue, attributes, store.origin)
                state.removeRetired()
                let shards = try change.apply(to: &state, last: try log.reader.bounds().last)
                try storage.save(state, in: transaction)
                return shards
            }
        }
    }
}

extension QueueInspector {
    /// The shards of a stream, in the order of their numbers; looks at the oldest million records after the lowest
    /// checkpoint.
    /// - Returns: none for a queue that is no stream.
    package func shards(nowNanoseconds now: UInt64) throws(ChangeQueueError) -> [ShardDescription] {
        guard case .stream(let state, let map) = try view(now) else { return [] }
        let readable = Set(state.readable)
        var shards = state.shards.enumerated().map { index, shard in
            ShardDescription(
                id: shard.extent.id,
                firstHash: shard.extent.hashes.first,
                lastHash: shard.extent.hashes.last,
                beginning: SequenceNumber(shard.extent.beginning),
                end: shard.extent.end.map { SequenceNumber($0) },
                owner: shard.owner == .none
                    ? nil : ConnectionID(high: shard.owner.high, low: shard.owner.low).description,
                waitsForParents: !readable.contains(index),
                checkpoint: SequenceNumber(shard.checkpoint)
            )
        }
        var left = ConsumerView.maximumVisited
        try log.reader.visit(state.unretired(try log.reader.bounds())) { header, _ in
            left -= 1
            let sequence = header.sequence.rawValue
            guard let index = map.shard(ofHash: ShardKey.hash(of: header.topic), at: sequence),
                sequence > state.shards[index].checkpoint
            else { return left > 0 }
            if shards[index].recordsBehind == 0 {
                let age = now - min(now, header.acceptedAtWallNanoseconds)
                shards[index].iteratorAgeSeconds = Double(age) / 1e9
            }
            shards[index].recordsBehind += 1
            return left > 0
        }
        return shards
    }
}
