import ChangeQueue
import LMDB
import SluiceCore

/// Saves the topics' heads, in bounded transactions; used on the writer's thread.
struct HeadSaver {
    let log: ChangeLog
    let heads: SharedTopicHeads
    /// Where the save that is under way began: when all heads of then are saved, the log is known up to here.
    private var target: UInt64?
    /// ``TopicHeads/changes`` at the last slice.
    private var changesSeen: UInt64 = 0

    /// Heads that one transaction saves between two commits at least: each may dirty a page of its own.
    static let headsBetweenCommits = 128
    /// Most topics that one transaction removes when the writer is idle.
    static let headsWhenIdle = 1_024
    /// Most heads that one transaction saves when no append waits for it.
    static let headsAtShutdown = 8_192

    init(log: ChangeLog, heads: SharedTopicHeads) {
        self.log = log
        self.heads = heads
    }

    /// Saves one slice between two commits: half as many heads again as have changed since the last one, so that a save ends however many topics
    /// the commits have.
    /// - Returns: whether the save is complete.
    mutating func step() throws -> Bool {
        let changes = heads.withLock { $0.changes }
        let changed = Int(clamping: changes &- changesSeen)
        changesSeen = changes
        return try step(min(max(changed / 2 * 3, HeadSaver.headsBetweenCommits), HeadSaver.headsAtShutdown))
    }

    /// Saves one slice of at most so many heads.
    /// - Returns: whether the save is complete.
    mutating func step(_ headsAtOnce: Int) throws -> Bool {
        let target = target ?? heads.withLock { $0.beginSave() }
        self.target = target
        var left = 0
        try inSlices(of: headsAtOnce) { maximum in
            let slice = heads.withLock { heads in
                let slice = heads.takeUnsaved(maximum)
                left = heads.leftOfSave
                return slice
            }
            do {
                try log.environment.write { transaction in
                    try save(slice, in: transaction)
                    if left == 0 { try advance(.headsSavedThrough, to: target, in: transaction) }
                }
            } catch {
                heads.withLock { $0.saveFailed(slice.map(\.topic)) }
                throw error
            }
        }
        guard left == 0 else { return false }
        self.target = nil
        return true
    }

    /// Forgets topics whose records are all trimmed, at most so many, and removes them from the saved heads.
    /// - Returns: whether nothing is left to do for now.
    func forget(_ topicsAtOnce: Int = headsBetweenCommits) throws -> Bool {
        let trimmed = try log.environment.read { try $0.meta(.trimmedThrough, log.databases) }
        heads.withLock { $0.forgetSlice(trimmedThrough: trimmed, maximum: topicsAtOnce) }
        try inSlices(of: topicsAtOnce) { maximum in
            let topics = heads.withLock { $0.takeForgotten(maximum) }
            guard !topics.isEmpty else { return }
            do {
                try log.environment.write { try remove(topics, trimmedThrough: trimmed, in: $0) }
            } catch {
                heads.withLock { $0.forgettingFailed(topics) }
                throw error
            }
        }
        return heads.withLock { !$0.isForgettingDue(trimmedThrough: trimmed) }
    }

    /// Whether ``forget(_:)`` has something to do.
    func isForgettingDue() throws -> Bool {
        let trimmed = try log.environment.read { try $0.meta(.trimmedThrough, log.databases) }
        return heads.withLock { $0.isForgettingDue(trimmedThrough: trimmed) }
    }

    /// Tries `body` with fewer and fewer when the map has no room for the pages that so many would change.
    private func inSlices(of maximum: Int, _ body: (Int) throws -> Void) throws {
        var maximum = maximum
        while true {
            do {
                return try body(maximum)
            } catch let error as LMDBError where error.code == .mapFull && maximum > 1 {
                maximum /= 8
            }
        }
    }

    /// Records that were appended since the heads were saved last, by any process.
    func unsavedRecords() throws -> UInt64 {
        let saved = try log.environment.read { try $0.meta(.headsSavedThrough, log.databases) }
        let through = heads.withLock { $0.through }
        return through > saved ? through - saved : 0
    }

    private func save(_ slice: [(topic: Topic, sequence: UInt64)], in transaction: borrowing WriteTransaction) throws {
        for (topic, sequence) in slice {
            // Another process may have saved a newer one.
            let saved = try transaction.get(log.databases.heads, topic.name) { $0.storedInteger ?? 0 } ?? 0
            if saved < sequence { try transaction.put(log.databases.heads, topic.name, sequence) }
        }
    }

    private func remove(
        _ topics: [Topic],
        trimmedThrough: UInt64,
        in transaction: borrowing WriteTransaction
    ) throws {
        for topic in topics {
            // The topic may have got a record since, here or in another process.
            let saved = try transaction.get(log.databases.heads, topic.name) { $0.storedInteger ?? 0 }
            guard let saved, saved <= trimmedThrough else { continue }
            try transaction.delete(log.databases.heads, topic.name)
            try advance(.forgottenThrough, to: saved, in: transaction)
        }
    }

    private func advance(_ key: MetaKey, to value: UInt64, in transaction: borrowing WriteTransaction) throws {
        if try transaction.meta(key, log.databases) < value { try transaction.setMeta(key, value, log.databases) }
    }
}
