import ChangeQueue
import LMDB
import SluiceCore

/// Trims the oldest records by retention, in bounded transactions; used on the writer's thread.
struct LogTrimmer {
    /// What one step did.
    enum Step: Equatable {
        /// Retention has nothing to trim.
        case nothing
        /// So many records were trimmed.
        case trimmed(Int)
        /// The records that are due aren't in the saved heads yet: those must be saved first.
        case needsSavedHeads
    }

    let log: ChangeLog
    let retention: Retention

    init(log: ChangeLog) {
        self.log = log
        retention = Retention(age: log.configuration.retentionAge, bytes: log.configuration.retentionBytes)
    }

    /// Trims up to so many records, in one transaction.
    ///
    /// In a map that is nearly full it falls back to fewer.
    func step(_ maximum: Int = Retention.leastTrimmedAtOnce, nowNanoseconds: UInt64) throws -> Step {
        let isDue = try log.environment.read { transaction in
            try state(in: transaction, nowNanoseconds).map { retention.isDue($0) } ?? false
        }
        guard isDue else { return .nothing }
        var maximum = maximum
        while true {
            do {
                return try log.environment.write { try trim(in: $0, maximum, nowNanoseconds) }
            } catch let error as LMDBError where error.code == .mapFull && maximum > 1 {
                maximum /= 8
            }
        }
    }

    private func trim(in transaction: borrowing WriteTransaction, _ maximum: Int, _ now: UInt64) throws -> Step {
        guard let state = try state(in: transaction, now) else { return .nothing }
        let excess = retention.excessRecords(state)
        let saved = try transaction.meta(.headsSavedThrough, log.databases)
        var trimmed = 0
        var last: UInt64 = 0
        var step = Step.nothing
        try transaction.withCursor(log.databases.records) { cursor in
            var entry = try cursor.first(LogTrimmer.keyAndTime)
            while trimmed < max(maximum, 1), let (sequence, acceptedAt) = entry {
                let isDue =
                    trimmed < excess || retention.isExpired(acceptedAtNanoseconds: acceptedAt, nowNanoseconds: now)
                guard isDue else { break }
                guard sequence <= saved else {
                    step = .needsSavedHeads
                    break
                }
                try cursor.delete()
                trimmed += 1
                last = sequence
                entry = try cursor.next(LogTrimmer.keyAndTime)
            }
        }
        guard trimmed > 0 else { return step }
        try transaction.setMeta(.trimmedThrough, last, log.databases)
        return .trimmed(trimmed)
    }

    private func state(
        in transaction: borrowing some Transaction & ~Copyable,
        _ now: UInt64
    ) throws -> Retention.State? {
        guard let (_, oldest) = try transaction.first(log.databases.records, LogTrimmer.keyAndTime) else { return nil }
        let statistics = try transaction.statistics(log.databases.records)
        return Retention.State(
            oldestAcceptedAtNanoseconds: oldest,
            records: statistics.entries,
            bytes: statistics.bytes,
            nowNanoseconds: now
        )
    }

    /// A record that can't be read counts as old: it must not keep the others from being trimmed.
    private static func keyAndTime(_ key: RawSpan, _ value: RawSpan) -> (UInt64, UInt64) {
        (key.storedInteger ?? 0, value.withUnsafeBytes { (try? RecordCodec.peekAcceptedAtWall($0)) ?? 0 })
    }
}
