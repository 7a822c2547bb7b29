import SluiceCore
import TestSupport

@testable import ChangeQueue
@testable import LMDBLog

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

/// A standard queue, in memory only or in a store that other queues share.
struct SimulatedLeases: SimulatedQueue {
    /// Where the state is kept.
    struct Place {
        let queue: QueueID
        let store: ConsumerStore
        let storage: LeaseStorage

        init(_ queue: QueueID, _ store: ConsumerStore) throws {
            self.queue = queue
            self.store = store
            storage = try store.leaseStorage(queue)
        }
    }

    private var state = LeaseState(cursor: 0, nextReceive: 1)
    private var cache = StateCache<LeaseState>()
    private let place: Place?
    private let rules: LeaseRules

    init(_ receiveMode: ReceiveMode, visibilityNanoseconds: UInt64 = timeout, in place: Place? = nil) {
        rules = ChangeQueueTests.rules(
            receiveMode,
            visibilityNanoseconds: visibilityNanoseconds,
            maximumInFlight: 60
        )
        self.place = place
    }

    var retiredThrough: UInt64 { state.retiredThrough }

    func retiredThrough(ofTopic topic: Int) -> UInt64 { retiredThrough }

    func count(_ bounds: LogBounds, at now: UInt64) -> UInt64? {
        let depth = state.depth(of: place?.queue ?? .sqs, bounds, nowNanoseconds: now)
        return depth.visible + depth.inFlight + depth.delayed
    }

    /// Changes the state, in a transaction of its own where there is a store.
    @discardableResult
    private mutating func update<Result>(_ body: (inout LeaseState) -> Result) -> Result {
        guard let place else { return body(&state) }
        do {
            let result = try cache.update(
                place.store,
                load: { transaction, _ in
                    try place.storage.load(transaction) ?? LeaseState(cursor: 0, nextReceive: 1)
                },
                save: { try place.storage.save(&$0, in: $1) },
                body
            )
            state = cache.state ?? state
            return result
        } catch {
            fatalError("the store fails: \(error)")
        }
    }

    mutating func start(_ owner: OwnerID, dead: Set<OwnerID>, at now: UInt64) {
        // A new process knows what is in the store, and no more.
        cache = StateCache()
        heartbeat(owner, dead: dead, at: now)
    }

    mutating func crash(_ owner: OwnerID) {}

    mutating func receive(
        _ owner: OwnerID,
        _ maximumRecords: Int,
        _ topics: [Int],
        _ bounds: LogBounds,
        at now: UInt64
    ) -> [SimulatedRecord] {
        let receive = LeaseReceive(
            owner: owner,
            rules: rules,
            maximumRecords: UInt64(maximumRecords),
            nowNanoseconds: now
        )
        let leases = update { state in
            let wanted = receive.wanted(from: &state, bounds)
            // Sometimes the bytes are enough before the records are.
            let sequences = wanted.ranges.flatMap { $0.first...$0.last }.prefix(max(maximumRecords / 2, 1))
            return receive.lease(sequences, from: &state)
        }
        return leases.flatMap { lease in
            handles(lease.range.first...lease.range.last, lease.receive).map {
                SimulatedRecord(handle: $0, receiveCount: Int(lease.receiveCount))
            }
        }
    }

    mutating func retire(_ owner: OwnerID, _ handles: [ReceiptHandle]) {
        update { LeaseDelete(handles: handles).apply(to: &$0) }
    }

    mutating func retry(_ owner: OwnerID, _ handles: [ReceiptHandle], after delay: UInt64, at now: UInt64) {
        let retry = LeaseRetry(handles: handles, rules: rules, delayNanoseconds: delay, nowNanoseconds: now)
        update { retry.apply(to: &$0) }
    }

    mutating func heartbeat(_ owner: OwnerID, dead: Set<OwnerID>, at now: UInt64) {
        let rules = rules
        update { state in
            LeaseTakeOver(owners: dead, nowNanoseconds: now).apply(to: &state)
            LeaseExtension(owner: owner, rules: rules, nowNanoseconds: now).apply(to: &state)
        }
    }

    mutating func leave(_ owner: OwnerID, at now: UInt64) {
        update { LeaseTakeOver(owners: [owner], nowNanoseconds: now).apply(to: &$0) }
    }
}

/// A stream. A topic's shard is its number.
struct SimulatedStream: SimulatedQueue {
    static let shards = 4
    private var bench = StreamBench(shards: shards)

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
