public import ChangeQueue
import Dispatch
public import SluiceCore
import Synchronization

/// A change log in memory: the reference for what the protocols of a log promise, and a log for tests that need no disk.
///
/// What it holds is gone with it, so it never stands behind a gateway that acknowledges appends to others. Of the limits it knows the payload's, the
/// topics' and that of waiting bytes; it trims when it is told to.
public final class MemoryLog: LogAppending, LogReading {
    /// Whoever is to be told of commits.
    public let bells = MemoryBells()
    /// The random number of this log.
    public let logID = UInt32.random(in: 1 ... .max)
    /// One epoch: nobody opens the log a second time.
    public let epochs = LogEpochs([LogEpochs.Beginning(epoch: .random(), first: SequenceNumber(1))])
    /// True: all is in memory anyway.
    public let isLoaded = true

    private let limits: ChangeLogConfiguration
    private let state = Mutex(State())
    /// Commits one submission after the other, as a writer's thread does: outcomes come in the order of the commits.
    private let committing = DispatchQueue(label: "sluice.memory.log")

    /// An empty log; of `limits` it knows those of payload, topics and waiting bytes.
    public init(limits: ChangeLogConfiguration = ChangeLogConfiguration()) { self.limits = limits }

    // MARK: Appending

    /// Commits the requests together.
    public func submit(_ requests: [(token: UInt64, request: AppendRequest)], for client: any AppendClient) {
        guard !requests.isEmpty else { return }
        let bytes = requests.reduce(0) { $0 + $1.request.pendingBytes }
        if let refusal = state.withLock({ $0.admit(bytes, limit: limits.maximumPendingBytes) }) {
            return client.completed(requests.map { AppendOutcome(token: $0.token, result: .failure(refusal)) })
        }
        committing.async { [self] in
            let committed = state.withLock { $0.commit(requests, limits) }
            if committed.count > 0 {
                state.withLock { $0.onCommit }?(committed.first, committed.count, committed.atNanoseconds)
                bells.ring()
            }
            client.completed(committed.outcomes)
            state.withLock { $0.pendingBytes -= bytes }
        }
    }

    /// Called after each commit, before its answers.
    public var onCommit: (@Sendable (SequenceNumber, Int, UInt64) -> Void)? {
        get { state.withLock { $0.onCommit } }
        set { state.withLock { $0.onCommit = newValue } }
    }

    /// Accepts nothing more, and returns when what was accepted is answered.
    public func shutdown() {
        state.withLock { $0.isShutDown = true }
        committing.sync {}
    }

    // MARK: Reading

    /// The topic's newest record.
    public func head(of topic: Topic) -> SequenceNumber { state.withLock { $0.heads[topic] ?? .none } }

    /// The newest number that was given.
    public func lastSequence() -> SequenceNumber { state.withLock { SequenceNumber($0.contents.last) } }

    /// The record at a number; nil when it was trimmed or doesn't exist yet.
    public func record(at sequence: SequenceNumber) -> ChangeRecord? {
        state.withLock { $0.contents.record(at: sequence.rawValue) }
    }

    /// Goes on with walks, record by record.
    public func advance(_ walks: inout [ChainWalk]) {
        var left = ChainWalk.sliceRecords
        for position in walks.indices {
            while left > 0, let wanted = walks[position].wanted {
                if let record = record(at: wanted) {
                    walks[position].found(previous: record.previous)
                } else {
                    walks[position].missing()
                }
                left -= 1
            }
        }
    }

    /// The item `key` of `table`; nil when it doesn't exist.
    /// - Throws: `invalidItem` for a name that can't be one.
    public func item(table: String, key: String) throws(ChangeQueueError) -> StoredItem? {
        let key = try ItemKey(table: table, key: key)
        return state.withLock { $0.items[key] }
    }

    /// Topics and bytes; the bytes have no limit.
    public func usage() -> LogUsage {
        state.withLock { state in
            LogUsage(
                topics: state.heads.count,
                maximumTopics: limits.maximumTopics,
                logBytes: state.contents.records.reduce(0) { $0 + $1.payload.count },
                logLimitBytes: .max,
                itemsBytes: state.items.values.reduce(0) { $0 + $1.value.count },
                itemsLimitBytes: .max
            )
        }
    }

    // MARK: What only tests do

    /// Removes the records before a number, as retention does.
    public func trim(before first: SequenceNumber) { state.withLock { $0.contents.trim(before: first.rawValue) } }

    /// Opens a publisher's end of a queue of the log's records; it is made when there is none.
    ///
    /// A publisher that is let go without `close()` is one that was killed.
    /// - Throws: `cannotOpen` when the queue is of another kind.
    public func queue(
        _ id: QueueID,
        _ attributes: QueueAttributes = QueueAttributes(),
        nowNanoseconds: UInt64 = StageClock.wallNanoseconds()
    ) throws(ChangeQueueError) -> any ChangeQueue {
        let queue = MemoryQueue(id, attributes, of: self)
        try queue.enter(nowNanoseconds: nowNanoseconds)
        return queue
    }

    /// Uses the state of a queue, with the log as it is meanwhile.
    func withQueue<Result: Sendable>(
        _ id: QueueID,
        _ body: (inout MemoryQueueState?, MemoryLogContents) throws(ChangeQueueError) -> Result
    ) throws(ChangeQueueError) -> Result {
        try state.withLock { state throws(ChangeQueueError) in try body(&state.queues[id], state.contents) }
    }
}

/// The records that a memory log holds.
struct MemoryLogContents {
    /// Ascending, without a hole.
    private(set) var records: [ChangeRecord] = []
    /// The newest number that was given.
    private(set) var last: UInt64 = 0

    /// The oldest record's number; the next one that will be given when there is none.
    var first: UInt64 { last + 1 - UInt64(records.count) }

    func record(at sequence: UInt64) -> ChangeRecord? {
        sequence >= first && sequence <= last ? records[Int(sequence - first)] : nil
    }

    mutating func append(_ record: ChangeRecord) {
        records.append(record)
        last = record.sequence.rawValue
    }

    mutating func trim(before sequence: UInt64) {
        records.removeAll { $0.sequence.rawValue < sequence }
    }
}

extension MemoryLog {
    /// What a commit did.
    private struct Committed: Sendable {
        var first = SequenceNumber.none
        var count = 0
        var atNanoseconds: UInt64 = 0
        var outcomes: [AppendOutcome] = []
    }

    private struct State {
        var contents = MemoryLogContents()
        var heads: [Topic: SequenceNumber] = [:]
        var items: [ItemKey: StoredItem] = [:]
        var queues: [QueueID: MemoryQueueState] = [:]
        var onCommit: (@Sendable (SequenceNumber, Int, UInt64) -> Void)?
        var pendingBytes = 0
        var isShutDown = false

        /// - Returns: why nothing more is accepted; nil when it is.
        mutating func admit(_ bytes: Int, limit: Int) -> ChangeQueueError? {
            if isShutDown { return ChangeQueueError(.shuttingDown, "The memory log is shut down.") }
            guard pendingBytes + bytes <= limit else {
                return ChangeQueueError(.overloaded, "\(pendingBytes) bytes wait; \(bytes) more would exceed \(limit).")
            }
            pendingBytes += bytes
            return nil
        }

        mutating func commit(
            _ requests: [(token: UInt64, request: AppendRequest)],
            _ limits: ChangeLogConfiguration
        ) -> Committed {
            var committed = Committed(first: SequenceNumber(contents.last).next)
            committed.atNanoseconds = StageClock.nowNanoseconds()
            for (token, request) in requests {
                do throws(ChangeQueueError) {
                    let (appended, item) = try store(request, limits, committed.atNanoseconds)
                    committed.count += appended.count
                    committed.outcomes.append(AppendOutcome(token: token, result: .success(appended), item: item))
                } catch {
                    committed.outcomes.append(AppendOutcome(token: token, result: .failure(error)))
                }
            }
            return committed
        }

        private mutating func store(
            _ request: AppendRequest,
            _ limits: ChangeLogConfiguration,
            _ committedAt: UInt64
        ) throws(ChangeQueueError) -> ([AppendedRecord], ItemOutcome?) {
            let rules = AppendLimits(maximumPayloadBytes: limits.maximumPayloadBytes)
            if let violation = rules.violation(in: request) { throw violation }
            switch request {
            case .records(let drafts, _):
                return (try append(drafts, limits, committedAt), nil)
            case .item(let write):
                let key = try ItemKey(table: write.table, key: write.key)
                let change = try ItemChange.decide(
                    write,
                    existing: items[key],
                    maximumPayloadBytes: limits.maximumPayloadBytes
                )
                guard let change else { return ([], .notFound) }
                let appended = try append([change.draft], limits, committedAt)
                items[key] = change.content.map { content in
                    StoredItem(
                        value: content.value,
                        contentType: content.contentType,
                        version: SequenceNumber(contents.last),
                        owner: write.principal
                    )
                }
                return (appended, ItemOutcome(operation: change.operation, appended: appended.first))
            case .messages: throw ChangeQueueError(.invalidRecord, "A log in memory has no message queues.")
            }
        }

        private mutating func append(
            _ drafts: [RecordDraft],
            _ limits: ChangeLogConfiguration,
            _ committedAt: UInt64
        ) throws(ChangeQueueError) -> [AppendedRecord] {
            let new = Set(drafts.lazy.map(\.topic)).subtracting(heads.keys)
            guard heads.count + new.count <= limits.maximumTopics || new.isEmpty else {
                throw ChangeQueueError(.topicsFull, "The log knows as many topics as it may, \(limits.maximumTopics).")
            }
            let wallOffset = StageClock.wallNanoseconds() &- StageClock.nowNanoseconds()
            return drafts.map { draft in
                let record = ChangeRecord(
                    draft,
                    sequence: SequenceNumber(contents.last).next,
                    previous: heads[draft.topic] ?? .none,
                    acceptedAtWallNanoseconds: draft.acceptedAtNanoseconds &+ wallOffset
                )
                contents.append(record)
                heads[draft.topic] = record.sequence
                return AppendedRecord(
                    sequence: record.sequence,
                    previous: record.previous,
                    committedAtNanoseconds: committedAt
                )
            }
        }
    }
}
