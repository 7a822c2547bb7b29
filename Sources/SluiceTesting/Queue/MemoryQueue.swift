import ChangeQueue
import SluiceCore

/// The state of a queue that its publishers share.
enum MemoryQueueState {
    case standard(MemoryLeases)
    case stream(MemoryShards)

    /// Its kind.
    var kind: QueueKind {
        switch self {
        case .standard: .standard
        case .stream: .stream
        }
    }
}

/// A publisher, new at each start.
typealias MemoryPublisher = UInt64

/// What each kind of queue does in memory, as values.
protocol MemoryQueueing {
    /// Publishers that were let go without a word since the last heartbeat of anybody.
    var dead: Set<MemoryPublisher> { get set }

    mutating func receive(
        _ order: MemoryReceive,
        _ log: MemoryLogContents
    ) -> (received: [ReceivedRecord], trimmed: UInt64)
    mutating func retire(_ handles: [ReceiptHandle], by publisher: MemoryPublisher)
    mutating func retry(_ handles: [ReceiptHandle], by publisher: MemoryPublisher, after delay: UInt64, at now: UInt64)
    mutating func heartbeat(of publisher: MemoryPublisher, at now: UInt64, _ log: MemoryLogContents) -> UInt64
    mutating func leave(_ publisher: MemoryPublisher, at now: UInt64)
    /// Where a record that is in the log stands; nil when it is retired.
    func standing(of record: ChangeRecord, at now: UInt64) -> RecordState?
}

/// What is asked for in a receive.
struct MemoryReceive {
    let publisher: MemoryPublisher
    let maximumRecords: Int
    let maximumBytes: Int
    let now: UInt64
}

/// One publisher's end of a queue in memory.
final class MemoryQueue: ChangeQueue {
    let id: QueueID
    let attributes: QueueAttributes
    private(set) var trimmedRecords: UInt64 = 0
    private let log: MemoryLog
    private let publisher = MemoryPublisher.random(in: 1 ... .max)
    private var isOpen = true

    init(_ id: QueueID, _ attributes: QueueAttributes, of log: MemoryLog) {
        self.id = id
        self.attributes = attributes
        self.log = log
    }

    deinit {
        guard isOpen else { return }
        _ = try? update { queue, _ in queue.dead.insert(publisher) }
    }

    /// Takes part, and takes over what dead publishers left.
    func enter(nowNanoseconds: UInt64) throws(ChangeQueueError) {
        try log.withQueue(id) { [id, attributes] state, _ throws(ChangeQueueError) in
            guard let kind = state?.kind else {
                switch attributes.kind {
                case .standard: state = .standard(MemoryLeases(attributes))
                case .stream: state = .stream(MemoryShards(attributes))
                }
                return
            }
            guard kind == attributes.kind else {
                throw ChangeQueueError(.cannotOpen, "The queue \(id) is of kind \(kind.rawValue).")
            }
        }
        _ = try heartbeat(nowNanoseconds: nowNanoseconds)
    }

    func receive(
        maximumRecords: Int,
        maximumBytes: Int,
        nowNanoseconds: UInt64
    ) throws(ChangeQueueError) -> [ReceivedRecord] {
        guard maximumRecords > 0 else { return [] }
        let order = MemoryReceive(
            publisher: publisher,
            maximumRecords: maximumRecords,
            maximumBytes: maximumBytes,
            now: nowNanoseconds
        )
        let (received, trimmed) = try update { queue, log in queue.receive(order, log) }
        trimmedRecords += trimmed
        return received
    }

    func retire(_ handles: [ReceiptHandle], nowNanoseconds: UInt64) throws(ChangeQueueError) {
        try update { queue, _ in queue.retire(handles, by: publisher) }
    }

    func retry(_ handles: [ReceiptHandle], after delay: Duration, nowNanoseconds: UInt64) throws(ChangeQueueError) {
        try update { queue, _ in
            queue.retry(handles, by: publisher, after: delay.wholeNanoseconds, at: nowNanoseconds)
        }
    }

    func heartbeat(nowNanoseconds: UInt64) throws(ChangeQueueError) -> Duration {
        let wait = try update { queue, log in queue.heartbeat(of: publisher, at: nowNanoseconds, log) }
        return .nanoseconds(Int64(clamping: min(wait, attributes.visibilityTimeout.wholeNanoseconds)))
    }

    func depth(nowNanoseconds: UInt64) throws(ChangeQueueError) -> QueueDepth {
        let id = id
        return try update { queue, log in
            var depth = QueueDepth(queue: id)
            for record in log.records {
                let standing = queue.standing(of: record, at: nowNanoseconds)
                switch standing {
                case .visible: depth.visible += 1
                case .inFlight: depth.inFlight += 1
                case .delayed: depth.delayed += 1
                case nil: continue
                }
                if depth.visible + depth.inFlight + depth.delayed == 1 {
                    let age = nowNanoseconds - min(record.acceptedAtWallNanoseconds, nowNanoseconds)
                    depth.oldestAgeSeconds = Double(age) / 1e9
                }
            }
            depth.logRecords = UInt64(log.records.count)
            depth.lastSequence = SequenceNumber(log.last)
            return depth
        }
    }

    func close() throws(ChangeQueueError) {
        isOpen = false
        try update { queue, _ in queue.leave(publisher, at: StageClock.wallNanoseconds()) }
    }

    private func update<Result: Sendable>(
        _ body: (inout any MemoryQueueing, MemoryLogContents) -> Result
    ) throws(ChangeQueueError) -> Result {
        try log.withQueue(id) { [id] state, log throws(ChangeQueueError) in
            switch state {
            case .standard(let leases):
                var queue: any MemoryQueueing = leases
                defer { if let leases = queue as? MemoryLeases { state = .standard(leases) } }
                return body(&queue, log)
            case .stream(let shards):
                var queue: any MemoryQueueing = shards
                defer { if let shards = queue as? MemoryShards { state = .stream(shards) } }
                return body(&queue, log)
            case nil: throw ChangeQueueError(.cannotOpen, "There is no queue \(id).")
            }
        }
    }
}
