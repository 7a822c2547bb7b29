import ChangeQueue
import LMDB
import PosixSupport
import SluiceCore
import Synchronization

/// The topic heads of one writer, shared by its thread and the event loops that ask for heads; keeps up with other
/// processes' commits.
///
/// The lock is held for look-ups only, never during a read of the log.
final class SharedTopicHeads: Sendable {
    private let log: ChangeLog
    // pthread locks instead of `Mutex`: the thread sanitizer doesn't see a contended `Mutex` and would report races
    // that aren't there.
    private let lock = ThreadCondition()
    // Guarded by `lock`.
    private nonisolated(unsafe) var heads: TopicHeads
    private let loading = ThreadCondition()
    // Guarded by `loading`.
    private nonisolated(unsafe) var isLoaded = false
    private let loaded = Atomic<Bool>(false)

    /// Records of the tail that are read before they are entered under one lock.
    private static let slice = 2048

    init(log: ChangeLog) {
        self.log = log
        let configuration = log.configuration
        heads = TopicHeads(
            TopicHeads.Limits(
                topics: configuration.maximumTopics,
                nameBytes: LogRoom.Budget(configuration).nameBytes,
                quotas: TopicQuotas.Limits(
                    topics: configuration.principalTopics,
                    perSecond: configuration.principalTopicsPerSecond
                )
            )
        )
    }

    /// Whether the heads have been read; never waits for whoever reads them.
    var hasLoaded: Bool { loaded.load(ordering: .acquiring) }

    func withLock<Result>(_ body: (inout TopicHeads) -> Result) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return body(&heads)
    }

    /// The newest committed record of `topic`, commits of other processes included.
    func head(of topic: Topic) throws -> SequenceNumber {
        try loadIfNeeded()
        let transaction = log.environment.lastTransactionIdentifier
        let known = withLock { $0.knownTransaction == transaction ? $0.head(of: topic) : nil }
        if let known { return known }
        _ = try log.environment.read { try catchUp(in: $0) }
        return withLock { $0.head(of: topic) }
    }

    /// Reads what other processes have committed since, if anything; for the writer's idle moments.
    func catchUpIfNeeded() throws {
        try loadIfNeeded()
        let transaction = log.environment.lastTransactionIdentifier
        guard withLock({ $0.knownTransaction != transaction }) else { return }
        _ = try log.environment.read { try catchUp(in: $0) }
    }

    /// What is used of the log's limits.
    func usage() throws -> LogUsage {
        let (topics, nameBytes) = withLock { ($0.count, $0.nameBytes) }
        let used = try log.environment.read { try $0.used(log.databases, nameBytes: nameBytes) }
        let room = LogRoom(LogRoom.Budget(log.configuration), used)
        return LogUsage(
            topics: topics,
            maximumTopics: log.configuration.maximumTopics,
            logBytes: used.logBytes,
            logLimitBytes: room.logLimitBytes,
            itemsBytes: used.itemsBytes,
            itemsLimitBytes: room.budget.itemsBytes
        )
    }

    /// Reads the saved heads the first time, and again after a failure.
    func loadIfNeeded() throws {
        // The lock makes a second caller wait for the first one's load.
        loading.lock()
        defer { loading.unlock() }
        guard !isLoaded else { return }
        try log.environment.read { transaction in
            try load(in: transaction)
            _ = try catchUp(in: transaction)
        }
        isLoaded = true
        loaded.store(true, ordering: .releasing)
    }

    /// Brings the heads to the state of `transaction`.
    /// - Returns: the log's last sequence number.
    func catchUp(in transaction: borrowing some Transaction & ~Copyable) throws -> UInt64 {
        let last = try transaction.lastSequence(log.databases)
        let trimmed = try transaction.meta(.trimmedThrough, log.databases)
        let identifier = log.transactionSeen(by: transaction)
        switch withLock({ $0.plan(trimmedThrough: trimmed, lastSequence: last) }) {
        case .current: break
        case .read(let after): try readTail(after: after, in: transaction)
        case .reloadSaved(let after):
            try load(in: transaction)
            try readTail(after: after, in: transaction)
        }
        withLock { $0.followed(through: last, transaction: identifier) }
        return last
    }

    private func readTail(after: UInt64, in transaction: borrowing some Transaction & ~Copyable) throws {
        try transaction.withCursor(log.databases.records) { cursor in
            var slice: [(Topic, UInt64)] = []
            try cursor.forEach(from: after + 1) { _, value in
                let header = try value.withUnsafeBytes { try RecordCodec.peek($0) }
                slice.append((header.topic, header.sequence.rawValue))
                if slice.count == SharedTopicHeads.slice { follow(&slice) }
                return true
            }
            follow(&slice)
        }
    }

    private func follow(_ slice: inout [(Topic, UInt64)]) {
        let entries = slice
        slice.removeAll(keepingCapacity: true)
        withLock { heads in
            for (topic, sequence) in entries { heads.follow(topic, sequence) }
        }
    }

    private func load(in transaction: borrowing some Transaction & ~Copyable) throws {
        let trimmed = try transaction.meta(.trimmedThrough, log.databases)
        let saved = try transaction.meta(.headsSavedThrough, log.databases)
        let forgotten = try transaction.meta(.forgottenThrough, log.databases)
        withLock { $0.noteForgotten(through: forgotten) }
        var slice: [(Topic, UInt64)] = []
        try transaction.withCursor(log.databases.heads) { cursor in
            // swift-format-ignore: ReplaceForEachWithForLoop
            try cursor.forEach { key, value in
                let name = key.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                slice.append((Topic(alreadyChecked: name), value.storedInteger ?? 0))
                if slice.count == SharedTopicHeads.slice { enter(&slice, trimmed) }
                return true
            }
        }
        enter(&slice, trimmed)
        withLock { $0.followed(through: max(saved, trimmed), transaction: 0) }
    }

    private func enter(_ slice: inout [(Topic, UInt64)], _ trimmed: UInt64) {
        let entries = slice
        slice.removeAll(keepingCapacity: true)
        withLock { heads in
            for (topic, sequence) in entries { heads.load(topic, sequence, trimmedThrough: trimmed) }
        }
    }
}

extension ChangeLog {
    /// The newest commit that `transaction` sees: its own number in a read, the one before in a write.
    func transactionSeen(by transaction: borrowing some Transaction & ~Copyable) -> UInt64 {
        transaction.isWriting ? transaction.identifier &- 1 : transaction.identifier
    }
}
