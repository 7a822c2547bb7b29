import ChangeQueue
import SluiceCore

/// A standard queue in memory: each record that was handed out and isn't retired, by its number.
struct MemoryLeases: MemoryQueueing {
    private struct Held {
        /// Who has it, and in which receive; nil when it was given back.
        var holder: (publisher: MemoryPublisher, receive: UInt64)?
        var visibleAt: UInt64
        var receiveCount: Int
    }

    var dead: Set<MemoryPublisher> = []
    private let attributes: QueueAttributes
    /// Every record up to this one was handed out, or trimmed before it could be.
    private var cursor: UInt64 = 0
    private var held: [UInt64: Held] = [:]
    // Another queue's handles mean nothing here.
    private var nextReceive = UInt64.random(in: 1 << 32...1 << 62)

    init(_ attributes: QueueAttributes) { self.attributes = attributes }

    private var visibility: UInt64 { max(attributes.visibilityTimeout.wholeNanoseconds, 1_000_000) }

    mutating func receive(
        _ order: MemoryReceive,
        _ log: MemoryLogContents
    ) -> (received: [ReceivedRecord], trimmed: UInt64) {
        let trimmed = trim(before: log.first)
        let sequences = wanted(order, log)
        let receive = nextReceive
        nextReceive += 1
        var received: [ReceivedRecord] = []
        var bytes = 0
        for sequence in sequences {
            guard let record = log.record(at: sequence).map({ EncodedRecord($0) }) else { continue }
            if !received.isEmpty, bytes + record.bytes.count > order.maximumBytes { break }
            bytes += record.bytes.count
            let count = (held[sequence]?.receiveCount ?? 0) + 1
            held[sequence] = Held(
                holder: (order.publisher, receive),
                visibleAt: order.now.saturatingAdd(visibility),
                receiveCount: count
            )
            cursor = max(cursor, sequence)
            let handle = ReceiptHandle(sequence: record.sequence, receive: receive)
            received.append(ReceivedRecord(record: record, handle: handle, receiveCount: count))
        }
        return (received, trimmed)
    }

    /// What is visible again, and what nobody has had, in the order of the log.
    ///
    /// A queue that is pulled from gives what is visible again first. One that pushes gives new records at once, however many wait for a retry; the
    /// retries that are due get what is left, at least half.
    private func wanted(_ order: MemoryReceive, _ log: MemoryLogContents) -> [UInt64] {
        let free = max(attributes.maximumInFlight, 1) - min(held.count, max(attributes.maximumInFlight, 1))
        let untouched = min(Int(log.last - min(cursor, log.last)), free, order.maximumRecords)
        let room =
            switch attributes.receiveMode {
            case .pull: order.maximumRecords
            case .push: max(order.maximumRecords - untouched, (order.maximumRecords + 1) / 2)
            }
        let due = held.filter { $0.value.visibleAt <= order.now }.keys.sorted().prefix(room)
        let new = min(order.maximumRecords - due.count, untouched)
        return due + (0..<UInt64(max(new, 0))).map { cursor + 1 + $0 }
    }

    mutating func retire(_ handles: [ReceiptHandle], by publisher: MemoryPublisher) {
        for handle in handles where isCurrent(handle) { held[handle.sequence.rawValue] = nil }
    }

    mutating func retry(
        _ handles: [ReceiptHandle],
        by publisher: MemoryPublisher,
        after delay: UInt64,
        at now: UInt64
    ) {
        for handle in handles where isCurrent(handle) {
            giveBack(handle.sequence.rawValue, visibleAt: now.saturatingAdd(max(delay, backoff(handle))))
        }
    }

    mutating func heartbeat(of publisher: MemoryPublisher, at now: UInt64, _ log: MemoryLogContents) -> UInt64 {
        for gone in dead { leave(gone, at: now) }
        dead = []
        // Renewed in time, and not at each heartbeat.
        let (soon, renewed) = (now.saturatingAdd(visibility / 3 * 2), now.saturatingAdd(visibility))
        for (sequence, entry) in held where entry.holder?.publisher == publisher && entry.visibleAt < soon {
            held[sequence]?.visibleAt = renewed
        }
        if log.last > cursor { return 0 }
        let earliest = held.values.lazy.map(\.visibleAt).min() ?? .max
        return earliest - min(earliest, now)
    }

    mutating func leave(_ publisher: MemoryPublisher, at now: UInt64) {
        for (sequence, entry) in held where entry.holder?.publisher == publisher { giveBack(sequence, visibleAt: now) }
    }

    func standing(of record: ChangeRecord, at now: UInt64) -> RecordState? {
        let sequence = record.sequence.rawValue
        if sequence > cursor { return .visible }
        guard let entry = held[sequence] else { return nil }
        if entry.visibleAt <= now { return .visible }
        return entry.holder == nil ? .delayed : .inFlight
    }

    // MARK: Parts

    /// Whether the record wasn't received again since.
    private func isCurrent(_ handle: ReceiptHandle) -> Bool {
        held[handle.sequence.rawValue]?.holder?.receive == handle.receive
    }

    private mutating func giveBack(_ sequence: UInt64, visibleAt: UInt64) {
        held[sequence]?.holder = nil
        held[sequence]?.visibleAt = visibleAt
    }

    /// The shortest wait of a push, which doubles with each attempt.
    private func backoff(_ handle: ReceiptHandle) -> UInt64 {
        guard attributes.receiveMode == .push, let entry = held[handle.sequence.rawValue] else { return 0 }
        var wait = attributes.retryMinimum
        for _ in 1..<max(entry.receiveCount, 1) { wait = min(wait * 2, attributes.retryMaximum) }
        return min(wait, max(attributes.retryMaximum, attributes.retryMinimum)).wholeNanoseconds
    }

    /// - Returns: how many were trimmed before they were retired.
    private mutating func trim(before first: UInt64) -> UInt64 {
        var trimmed: UInt64 = 0
        if cursor + 1 < first {
            trimmed += first - 1 - cursor
            cursor = first - 1
        }
        for sequence in held.keys where sequence < first {
            held[sequence] = nil
            trimmed += 1
        }
        return trimmed
    }
}
