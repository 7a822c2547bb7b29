import SluiceCore

@testable import ChangeQueue

/// A record in a simulated publisher's hands.
struct SimulatedRecord {
    var handle: ReceiptHandle
    var receiveCount: Int
}

/// A queue of the simulation: the pure values over a log that is a row of topics. No disk, no clock.
protocol SimulatedQueue {
    /// Every record up to this one is retired.
    var retiredThrough: UInt64 { get }
    /// Every record of a topic up to this one is retired.
    func retiredThrough(ofTopic topic: Int) -> UInt64
    /// Visible, in flight and delayed records of a log with `last` records; nil where only a publisher knows them.
    func count(_ bounds: LogBounds, at now: UInt64) -> UInt64?
    /// A publisher starts.
    mutating func start(_ owner: OwnerID, dead: Set<OwnerID>, at now: UInt64)
    /// A publisher is gone without a word.
    mutating func crash(_ owner: OwnerID)
    mutating func receive(
        _ owner: OwnerID,
        _ maximumRecords: Int,
        _ topics: [Int],
        _ bounds: LogBounds,
        at now: UInt64
    ) -> [SimulatedRecord]
    mutating func retire(_ owner: OwnerID, _ handles: [ReceiptHandle])
    mutating func retry(_ owner: OwnerID, _ handles: [ReceiptHandle], after delay: UInt64, at now: UInt64)
    mutating func heartbeat(_ owner: OwnerID, dead: Set<OwnerID>, at now: UInt64)
    mutating func leave(_ owner: OwnerID, at now: UInt64)
}

/// The `sqs` or `sns` consumer.
struct SimulatedLeases: SimulatedQueue {
    var state = LeaseState(cursor: 0, nextReceive: 1)
    let isPush: Bool
    let rules = ChangeQueueTests.rules(maximumInFlight: 60)

    var retiredThrough: UInt64 { state.retiredThrough }

    func retiredThrough(ofTopic topic: Int) -> UInt64 { retiredThrough }

    func count(_ bounds: LogBounds, at now: UInt64) -> UInt64? {
        let depth = state.depth(isPush ? .sns : .sqs, bounds, nowNanoseconds: now)
        return depth.visible + depth.inFlight + depth.delayed
    }

    mutating func start(_ owner: OwnerID, dead: Set<OwnerID>, at now: UInt64) { heartbeat(owner, dead: dead, at: now) }

    mutating func crash(_ owner: OwnerID) {}

    mutating func receive(
        _ owner: OwnerID,
        _ maximumRecords: Int,
        _ topics: [Int],
        _ bounds: LogBounds,
        at now: UInt64
    ) -> [SimulatedRecord] {
        let push = SNSPush(owner: owner, rules: rules, maximumRecords: UInt64(maximumRecords), nowNanoseconds: now)
        let receive = SQSReceive(
            owner: owner,
            rules: rules,
            maximumRecords: UInt64(maximumRecords),
            nowNanoseconds: now
        )
        let wanted = isPush ? push.wanted(from: &state, bounds) : receive.wanted(from: &state, bounds)
        // Sometimes the bytes are enough before the records are.
        let sequences = wanted.ranges.flatMap { $0.first...$0.last }.prefix(max(maximumRecords / 2, 1))
        let leases = isPush ? push.take(sequences, from: &state) : receive.take(sequences, from: &state)
        return leases.flatMap { lease in
            handles(lease.range.first...lease.range.last, lease.receive).map {
                SimulatedRecord(handle: $0, receiveCount: Int(lease.receiveCount))
            }
        }
    }

    mutating func retire(_ owner: OwnerID, _ handles: [ReceiptHandle]) {
        if isPush {
            SNSConfirm(handles: handles).apply(to: &state)
        } else {
            SQSDelete(handles: handles).apply(to: &state)
        }
    }

    mutating func retry(_ owner: OwnerID, _ handles: [ReceiptHandle], after delay: UInt64, at now: UInt64) {
        if isPush {
            SNSRetry(handles: handles, rules: rules, delayNanoseconds: delay, nowNanoseconds: now).apply(to: &state)
        } else {
            SQSChangeVisibility(handles: handles, visibleAt: now + delay).apply(to: &state)
        }
    }

    mutating func heartbeat(_ owner: OwnerID, dead: Set<OwnerID>, at now: UInt64) {
        LeaseTakeOver(owners: dead, nowNanoseconds: now).apply(to: &state)
        LeaseExtension(owner: owner, rules: rules, nowNanoseconds: now).apply(to: &state)
    }

    mutating func leave(_ owner: OwnerID, at now: UInt64) {
        LeaseTakeOver(owners: [owner], nowNanoseconds: now).apply(to: &state)
    }
}

/// The `stream` consumer. A topic's shard is its number.
struct SimulatedStream: SimulatedQueue {
    static let shards = 4
    var bench = StreamBench(shards: shards)

    init() { bench.rules = ChangeQueueTests.rules(maximumInFlight: 60) }

    var retiredThrough: UInt64 { bench.shared.retiredThrough }

    func retiredThrough(ofTopic topic: Int) -> UInt64 { bench.checkpoints[topic % SimulatedStream.shards] }

    func count(_ bounds: LogBounds, at now: UInt64) -> UInt64? { nil }

    mutating func start(_ owner: OwnerID, dead: Set<OwnerID>, at now: UInt64) {
        bench.balance(owner, dead: dead, at: now)
    }

    mutating func crash(_ owner: OwnerID) { bench.consumers[owner] = nil }

    mutating func receive(
        _ owner: OwnerID,
        _ maximumRecords: Int,
        _ topics: [Int],
        _ bounds: LogBounds,
        at now: UInt64
    ) -> [SimulatedRecord] {
        for topic in topics[bench.log.count...] { bench.log.append(topic % SimulatedStream.shards) }
        bench.first = bounds.first
        return bench.receive(owner, maximumRecords, at: now).map {
            SimulatedRecord(handle: $0.handle, receiveCount: $0.receiveCount)
        }
    }

    mutating func retire(_ owner: OwnerID, _ handles: [ReceiptHandle]) { bench.retire(owner, handles) }

    mutating func retry(_ owner: OwnerID, _ handles: [ReceiptHandle], after delay: UInt64, at now: UInt64) {
        bench.retry(owner, handles, resumesAt: now + delay)
    }

    mutating func heartbeat(_ owner: OwnerID, dead: Set<OwnerID>, at now: UInt64) {
        bench.balance(owner, dead: dead, at: now)
    }

    mutating func leave(_ owner: OwnerID, at now: UInt64) { bench.with(owner) { StreamDeparture().apply(to: &$0) } }
}
