package import ChangeQueue
import LMDB
package import SluiceCore

/// Reads the change log; each call is one short read transaction (a long walk takes several).
///
/// It may be used on any thread.
///
/// Every method throws `storage` when LMDB fails and `corruptRecord` when a record isn't what was written.
package struct LogReader: Sendable {
    let log: ChangeLog

    /// The oldest record's number, or the next one that will be given when the log is empty.
    package func firstSequence() throws(ChangeQueueError) -> SequenceNumber {
        try read("read the first sequence number") { transaction in
            let first = try transaction.first(log.databases.records) { key, _ in key.storedInteger }
            if let first = first ?? nil { return SequenceNumber(first) }
            return SequenceNumber(try transaction.lastSequence(log.databases)).next
        }
    }

    /// The newest number that was given, also when its record was trimmed; `SequenceNumber.none` for a new log.
    package func lastSequence() throws(ChangeQueueError) -> SequenceNumber {
        try read("read the last sequence number") { SequenceNumber(try $0.lastSequence(log.databases)) }
    }

    /// A number that changes with every commit of any process: the cheapest way to learn that there may be something
    /// new.
    package var commitCount: UInt64 { log.environment.lastTransactionIdentifier }

    /// The record at `sequence`; nil when it was trimmed or doesn't exist yet.
    package func record(at sequence: SequenceNumber) throws(ChangeQueueError) -> ChangeRecord? {
        try read("read record \(sequence)") { transaction in
            try transaction.get(log.databases.records, sequence.rawValue) { bytes in
                try bytes.withUnsafeBytes { try RecordCodec.decode($0) }
            }
        }
    }

    /// The record at `sequence` in its stored form; nil when it was trimmed or doesn't exist yet.
    package func encodedRecord(at sequence: SequenceNumber) throws(ChangeQueueError) -> EncodedRecord? {
        try read("read record \(sequence)") { transaction in
            try transaction.get(log.databases.records, sequence.rawValue) { bytes in
                try bytes.withUnsafeBytes { try EncodedRecord($0) }
            }
        }
    }

    /// The records at `sequences` in their stored form, in one transaction; those that were trimmed are left out.
    package func encodedRecords(at sequences: [SequenceNumber]) throws(ChangeQueueError) -> [EncodedRecord] {
        try read("read \(sequences.count) records") { transaction in
            var records: [EncodedRecord] = []
            records.reserveCapacity(sequences.count)
            for sequence in sequences {
                let record = try transaction.get(log.databases.records, sequence.rawValue) { bytes in
                    try bytes.withUnsafeBytes { try EncodedRecord($0) }
                }
                if let record { records.append(record) }
            }
            return records
        }
    }

    /// The records after `sequence`, in order and without leaving any out: at most `maximumRecords` of them, and no
    /// more after `maximumBytes` are reached.
    ///
    /// The first one is returned whatever its size.
    package func records(
        after sequence: SequenceNumber,
        maximumRecords: Int,
        maximumBytes: Int
    ) throws(ChangeQueueError) -> [EncodedRecord] {
        guard maximumRecords > 0, sequence.rawValue < .max else { return [] }
        return try read("read the records after \(sequence)") { transaction in
            var records: [EncodedRecord] = []
            var bytes = 0
            try transaction.withCursor(log.databases.records) { cursor in
                try cursor.forEach(from: sequence.next.rawValue) { _, value in
                    if !records.isEmpty, bytes + value.byteCount > maximumBytes { return false }
                    records.append(try value.withUnsafeBytes { try EncodedRecord($0) })
                    bytes += value.byteCount
                    return records.count < maximumRecords && bytes < maximumBytes
                }
            }
            return records
        }
    }

    /// The records of a topic after a sequence number, by walking the chain backwards from its head.
    /// - Parameters:
    ///   - topic: whose history it is.
    ///   - head: the topic's newest record; see `LogWriter.head(of:)`.
    ///   - after: the last sequence number that is already known.
    ///   - maximumRecords: the walk's limit; older records are then a gap.
    /// - Returns: what was found, and the gap before it.
    /// - Throws: `storage`, `corruptRecord`.
    package func history(
        of topic: Topic,
        head: SequenceNumber,
        after: SequenceNumber,
        maximumRecords: Int
    ) throws(ChangeQueueError) -> TopicHistory {
        try walk(ChainWalk(head: head, after: after, maximumRecords: maximumRecords))
    }

    /// What a gateway lacks before a record that it was given: the chain from the record's `previous` down to `after`.
    /// - Parameters:
    ///   - previous: the record's `previous`.
    ///   - after: the topic's position, the last sequence number that was delivered.
    ///   - limit: the walk's limit; older records are then a gap.
    /// - Returns: what was found, and the gap before it.
    /// - Throws: `storage`, `corruptRecord`.
    package func chain(
        before previous: SequenceNumber,
        after: SequenceNumber,
        limit: Int
    ) throws(ChangeQueueError) -> TopicHistory {
        try walk(ChainWalk(head: previous, after: after, maximumRecords: limit))
    }

    /// The item `key` of `table`; nil when it doesn't exist.
    package func item(table: String, key: String) throws(ChangeQueueError) -> StoredItem? {
        let itemKey = try ItemKey(table: table, key: key)
        return try read("read an item of \(table.printable(limit: 80))") { transaction in
            try transaction.get(log.databases.items, itemKey.bytes) { bytes in
                try bytes.withUnsafeBytes { try ItemCodec.decode($0) }
            }
        }
    }

    /// Sizes of the log.
    ///
    /// It reads the whole list of free pages, so it isn't for a hot path.
    package func statistics() throws(ChangeQueueError) -> LogStatistics {
        try ChangeQueueError.typing("read the log's statistics") {
            let map = try log.environment.statistics()
            return try log.environment.read { transaction in
                let records = try transaction.statistics(log.databases.records)
                let last = try transaction.lastSequence(log.databases)
                let oldest = try transaction.first(log.databases.records) { key, value in
                    (key.storedInteger ?? 0, try value.withUnsafeBytes { try RecordCodec.peekAcceptedAtWall($0) })
                }
                return LogStatistics(
                    logRecords: UInt64(clamping: records.entries),
                    logBytes: UInt64(clamping: records.bytes),
                    mapUsedBytes: UInt64(clamping: map.usedBytes),
                    mapSizeBytes: UInt64(clamping: log.configuration.mapSizeBytes),
                    firstSequence: oldest.map { SequenceNumber($0.0) } ?? SequenceNumber(last).next,
                    lastSequence: SequenceNumber(last),
                    oldestAcceptedAtWallNanoseconds: oldest?.1
                )
            }
        }
    }

    /// Goes on with walks in their order, in one read transaction and by `ChainWalk.sliceRecords` records in all at most.
    /// - Throws: `storage`, `corruptRecord`.
    package func advance(_ walks: inout [ChainWalk]) throws(ChangeQueueError) {
        var left = ChainWalk.sliceRecords
        try read("walk topics' chains") { transaction in
            for position in walks.indices {
                while left > 0, let wanted = walks[position].wanted {
                    let previous = try transaction.get(log.databases.records, wanted.rawValue) { bytes in
                        try bytes.withUnsafeBytes { try RecordCodec.peekPrevious($0) }
                    }
                    if let previous { walks[position].found(previous: previous) } else { walks[position].missing() }
                    left -= 1
                }
            }
        }
    }

    private func walk(_ start: ChainWalk) throws(ChangeQueueError) -> TopicHistory {
        var walks = [start]
        while !walks[0].isDone { try advance(&walks) }
        return walks[0].history
    }

    private func read<Result>(
        _ operation: @autoclosure () -> String,
        _ body: (borrowing ReadTransaction) throws -> Result
    ) throws(ChangeQueueError) -> Result {
        try ChangeQueueError.typing(operation()) { try log.environment.read(body) }
    }
}
