import LMDB
import SluiceCore

/// Saves the topics' heads, in bounded transactions; used on the writer's thread.
struct HeadSaver {
    let log: ChangeLog
    let heads: SharedTopicHeads
    /// Where the save that is under way began: when all heads of then are saved, the log is known up to here.
    private var target: UInt64?

    /// Most heads that one transaction saves between two commits: each may dirty a page of its own.
    static let headsBetweenCommits = 128
    /// Most heads that one transaction saves when no append waits for it.
    static let headsAtShutdown = 8_192

    init(log: ChangeLog, heads: SharedTopicHeads) {
        self.log = log
        self.heads = heads
    }

    /// Saves one slice of at most so many heads.
    /// - Returns: whether the save is complete.
    mutating func step(_ headsAtOnce: Int = headsBetweenCommits) throws -> Bool {
        let target = target ?? heads.withLock { $0.through }
        self.target = target
        let (slice, forgotten, left) = heads.withLock { heads in
            let slice = heads.takeUnsaved(headsAtOnce)
            let forgotten = heads.takeForgotten(headsAtOnce)
            return (slice, forgotten, heads.unsavedCount)
        }
        do {
            try log.environment.write { transaction in
                try save(slice, forgotten, in: transaction)
                if left == 0 { try advance(.headsSavedThrough, to: target, in: transaction) }
            }
        } catch {
            heads.withLock { $0.saveFailed(slice.map(\.topic)) }
            throw error
        }
        guard left == 0 else { return false }
        self.target = nil
        return true
    }

    /// Records that were appended since the heads were saved last, by any process.
    func unsavedRecords() throws -> UInt64 {
        let saved = try log.environment.read { try $0.meta(.headsSavedThrough, log.databases) }
        let through = heads.withLock { $0.through }
        return through > saved ? through - saved : 0
    }

    private func save(
        _ slice: [(topic: Topic, sequence: UInt64)],
        _ forgotten: [Topic],
        in transaction: borrowing WriteTransaction
    ) throws {
        for (topic, sequence) in slice {
            // Another process may have saved a newer one.
            let saved = try transaction.get(log.databases.heads, topic.name) { $0.storedInteger ?? 0 } ?? 0
            if saved < sequence { try transaction.put(log.databases.heads, topic.name, sequence) }
        }
        guard !forgotten.isEmpty else { return }
        let trimmed = try transaction.meta(.trimmedThrough, log.databases)
        for topic in forgotten {
            // The topic may have got a record since, here or in another process.
            let saved = try transaction.get(log.databases.heads, topic.name) { $0.storedInteger ?? 0 }
            guard let saved, saved <= trimmed else { continue }
            try transaction.delete(log.databases.heads, topic.name)
            try advance(.forgottenThrough, to: saved, in: transaction)
        }
    }

    private func advance(_ key: MetaKey, to value: UInt64, in transaction: borrowing WriteTransaction) throws {
        if try transaction.meta(key, log.databases) < value { try transaction.setMeta(key, value, log.databases) }
    }
}
