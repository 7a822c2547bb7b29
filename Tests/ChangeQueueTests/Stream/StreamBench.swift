import QueueEngine
import SluiceCore

@testable import ChangeQueue
@testable import LMDBLog

/// A stream of tests: a log as a row of shards, and publishers that share one state.
struct StreamBench {
    /// The topic of each record; record 1 is the first. A topic's number is the shard that it is in at first.
    var log: [Int] = []
    /// The hash of each topic.
    var hashes: [UInt64]
    var first: UInt64 = 1
    var shared: StreamState
    var consumers: [OwnerID: StreamConsumer] = [:]
    var rules = ChangeQueueTests.rules()

    init(shards: Int, log: [Int] = []) {
        shared = StreamState(shards: shards, cursor: 0, nextReceive: 1)
        self.log = log
        hashes = HashRange.even(shards).map(\.first)
    }

    var bounds: LogBounds { LogBounds(first: first, last: UInt64(log.count)) }

    /// A publisher changes the shared state.
    mutating func with<Result>(_ owner: OwnerID, _ body: (inout StreamConsumer) -> Result) -> Result {
        var consumer = consumers.removeValue(forKey: owner) ?? StreamConsumer(owner: owner, shared: shared)
        consumer.replaceShared(with: shared)
        let result = body(&consumer)
        shared = consumer.shared
        consumers[owner] = consumer
        return result
    }

    mutating func balance(_ owner: OwnerID, dead: Set<OwnerID> = [], at now: UInt64 = 0) {
        let rules = rules
        with(owner) { StreamBalance(dead: dead, rules: rules, nowNanoseconds: now).apply(to: &$0) }
    }

    /// What the publisher gets: each record's handle and receive count.
    mutating func receive(
        _ owner: OwnerID,
        _ maximumRecords: Int = 100,
        at now: UInt64 = 0
    ) -> [(handle: ReceiptHandle, receiveCount: Int)] {
        let (log, hashes, bounds, rules) = (log, hashes, bounds, rules)
        return with(owner) { consumer in
            var receive = StreamReceive(&consumer, rules: rules, bounds, nowNanoseconds: now)
            guard let start = receive.start else { return [] }
            var taken: [(handle: ReceiptHandle, receiveCount: Int)] = []
            var readThrough = start
            var sequence = max(start + 1, bounds.first)
            while sequence <= bounds.last, taken.count < maximumRecords {
                let hash = hashes[log[Int(sequence - 1)]]
                if let (number, count) = receive.offer(sequence, hash: hash, &consumer) {
                    taken.append((ReceiptHandle(sequence: SequenceNumber(sequence), receive: number), count))
                }
                readThrough = sequence
                sequence += 1
            }
            receive.finish(readThrough: readThrough, &consumer)
            return taken
        }
    }

    mutating func retire(_ owner: OwnerID, _ handles: [ReceiptHandle]) {
        with(owner) { StreamCheckpoint(handles: handles).apply(to: &$0) }
    }

    mutating func retry(_ owner: OwnerID, _ handles: [ReceiptHandle], resumesAt: UInt64) {
        with(owner) { StreamRewind(handles: handles, resumesAt: resumesAt).apply(to: &$0) }
    }

    /// Splits or merges; the numbers of the new shards.
    @discardableResult
    mutating func reshard(_ change: StreamReshard) throws -> [UInt64] {
        try change.apply(to: &shared, last: bounds.last)
    }

    var checkpoints: [UInt64] { shared.shards.map(\.checkpoint) }
}

extension [(handle: ReceiptHandle, receiveCount: Int)] {
    var sequences: [UInt64] { map(\.handle.sequence.rawValue) }
    var handles: [ReceiptHandle] { map(\.handle) }
    var counts: [Int] { map(\.receiveCount) }
}
