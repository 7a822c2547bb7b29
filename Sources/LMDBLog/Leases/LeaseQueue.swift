import ChangeQueue
import Logging
import SluiceCore

/// A standard queue as one publisher has it: performs the operations on the shared state, each in one transaction.
final class LeaseQueue: ChangeQueue {
    let id: QueueID
    let attributes: QueueAttributes
    private let reader: LogReader
    private let membership: ConsumerMembership
    private let storage: LeaseStorage
    private let rules: LeaseRules
    private let logger: Logger
    private var cache = StateCache<LeaseState>()
    private var trims = TrimCount()
    /// The log's commit at which there was nothing to receive: until the next one only a lease can become visible.
    private var quietAtCommit: UInt64?

    /// Takes part in the consumer, and takes over what dead publishers left.
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
        storage = try store.leaseStorage(id)
        rules = LeaseRules(attributes)
        membership = try ConsumerMembership(id, store, run, logger)
        let last = try reader.bounds().last
        let lost = try update("open the queue") { state in
            let lost = state.cursor - min(state.cursor, last)
            state.cut(after: last)
            state.skip(through: min(deliveredThrough, last))
            return lost
        }
        if lost > 0 {
            logger.warning(
                "the log ends before the consumer's position, as after a restore: it goes on at the end",
                metadata: ["lost": "\(lost)"]
            )
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
        if commit == quietAtCommit, cache.isCurrent(membership.store),
            (cache.state?.leases.earliestVisibleAt ?? 0) > now
        {
            return []
        }
        guard maximumRecords > 0 else { return [] }
        let operation = LeaseReceive(
            owner: membership.owner,
            rules: rules,
            maximumRecords: UInt64(clamping: maximumRecords),
            nowNanoseconds: now
        )
        var trimmed: UInt64 = 0
        let (received, isFull) = try update("receive") { state -> ([ReceivedRecord], Bool) in
            let wanted = operation.wanted(from: &state, try reader.bounds())
            trimmed = state.takeTrimmed()
            let isFull = state.leases.recordCount >= rules.maximumInFlight
            guard !wanted.ranges.isEmpty else { return ([], isFull) }
            let records = try reader.records(in: wanted.ranges, maximumBytes: maximumBytes)
            let leases = operation.lease(records.lazy.map(\.sequence.rawValue), from: &state)
            return (LeaseQueue.join(records, leases), isFull)
        }
        quietAtCommit = received.isEmpty && !isFull ? commit : nil
        trims.note(trimmed, logger)
        return received
    }

    func retire(_ handles: [ReceiptHandle], nowNanoseconds: UInt64) throws(ChangeQueueError) {
        try update("retire records") { LeaseDelete(handles: handles).apply(to: &$0) }
    }

    func retry(_ handles: [ReceiptHandle], after delay: Duration, nowNanoseconds now: UInt64) throws(ChangeQueueError) {
        let retry = LeaseRetry(
            handles: handles,
            rules: rules,
            delayNanoseconds: delay.wholeNanoseconds,
            nowNanoseconds: now
        )
        try update("give records back") { retry.apply(to: &$0) }
    }

    var trimmedRecords: UInt64 { trims.records }

    func heartbeat(nowNanoseconds now: UInt64) throws(ChangeQueueError) -> Duration {
        let taken = try update("show life") { state in
            let dead = membership.dead(among: Set(state.leases.leases.lazy.map(\.owner)))
            let taken = LeaseTakeOver(owners: dead, nowNanoseconds: now).apply(to: &state)
            LeaseExtension(owner: membership.owner, rules: rules, nowNanoseconds: now).apply(to: &state)
            return taken
        }
        if taken > 0 { logger.notice("took over what a dead publisher held", metadata: ["records": "\(taken)"]) }
        guard let state = cache.state else { return .zero }
        try membership.maintain(nowNanoseconds: now)
        membership.save(retiredThrough: state.retiredThrough)
        if try reader.bounds().last > state.cursor { return .zero }
        let wait = state.leases.earliestVisibleAt - min(state.leases.earliestVisibleAt, now)
        return .nanoseconds(Int64(clamping: min(wait, rules.visibilityNanoseconds)))
    }

    func depth(nowNanoseconds: UInt64) throws(ChangeQueueError) -> QueueDepth {
        let state = try update("read the queue's depth") { $0 }
        return try ConsumerView.standard(state).depth(of: id, reader, nowNanoseconds: nowNanoseconds)
    }

    func close() throws(ChangeQueueError) {
        let retiredThrough = try update("close the queue") { state in
            LeaseTakeOver(owners: [membership.owner], nowNanoseconds: StageClock.wallNanoseconds()).apply(to: &state)
            return state.retiredThrough
        }
        try membership.leave(retiredThrough: retiredThrough)
    }

    /// Gives each record its handle; both lists are ascending.
    private static func join(_ records: [EncodedRecord], _ leases: [Lease]) -> [ReceivedRecord] {
        var received: [ReceivedRecord] = []
        received.reserveCapacity(records.count)
        var position = 0
        for record in records {
            let sequence = record.sequence.rawValue
            while position < leases.count, leases[position].range.last < sequence { position += 1 }
            guard position < leases.count, leases[position].range.first <= sequence else { continue }
            let lease = leases[position]
            received.append(
                ReceivedRecord(
                    record: record,
                    handle: ReceiptHandle(sequence: record.sequence, receive: lease.receive),
                    receiveCount: Int(lease.receiveCount)
                )
            )
        }
        return received
    }

    private func update<Result>(
        _ operation: @autoclosure () -> String,
        _ body: (inout LeaseState) throws -> Result
    ) throws(ChangeQueueError) -> Result {
        let store = membership.store
        return try ChangeQueueError.typing(operation()) {
            try cache.update(
                store,
                load: { transaction, _ in
                    if let stored = try storage.load(transaction) { return stored }
                    return LeaseState(cursor: store.origin.cursor(id), nextReceive: StageClock.wallNanoseconds())
                },
                save: { try storage.save(&$0, in: $1) },
                body
            )
        }
    }
}
