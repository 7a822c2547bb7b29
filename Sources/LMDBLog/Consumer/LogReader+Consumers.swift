import ChangeQueue
import LMDB
import Logging
import SluiceCore

extension LogReader {
    /// What the log holds.
    func bounds() throws(ChangeQueueError) -> LogBounds {
        try ChangeQueueError.typing("read the log's bounds") {
            try log.environment.read { transaction in
                let last = try transaction.lastSequence(log.databases)
                let first = try transaction.first(log.databases.records) { key, _ in key.storedInteger ?? 0 }
                return LogBounds(first: first ?? last + 1, last: last)
            }
        }
    }

    /// The records of ranges in their stored form, in one transaction; what was trimmed is left out.
    ///
    /// No more are read after `maximumBytes` are reached; the first one is returned whatever its size.
    func records(in ranges: [SequenceRange], maximumBytes: Int) throws(ChangeQueueError) -> [EncodedRecord] {
        try ChangeQueueError.typing("read what is to be received") {
            var records: [EncodedRecord] = []
            records.reserveCapacity(Int(clamping: min(ranges.reduce(0) { $0 + $1.count }, 4_096)))
            var bytes = 0
            try log.environment.read { transaction in
                try transaction.withCursor(log.databases.records) { cursor in
                    for range in ranges where bytes < maximumBytes || records.isEmpty {
                        try cursor.forEach(from: range.first) { key, value in
                            guard let sequence = key.storedInteger, sequence <= range.last else { return false }
                            if !records.isEmpty, bytes + value.byteCount > maximumBytes {
                                bytes = maximumBytes
                                return false
                            }
                            records.append(try value.withUnsafeBytes { try EncodedRecord($0) })
                            bytes += value.byteCount
                            return sequence < range.last
                        }
                    }
                }
            }
            return records
        }
    }

    /// Visits the heads of the records of ranges, in order, until `body` returns false.
    ///
    /// Takes a new transaction now and then, since a long one keeps trimmed pages from being used again.
    func visit(
        _ ranges: [SequenceRange],
        _ body: (RecordHeader, UnsafeRawBufferPointer) throws -> Bool
    ) throws(ChangeQueueError) {
        try ChangeQueueError.typing("look through the log") {
            for range in ranges {
                var next = range.first
                while next <= range.last {
                    guard let last = try visitSlice(SequenceRange(next, range.last), body) else { return }
                    guard last < range.last else { break }
                    next = last + 1
                }
            }
        }
    }

    /// - Returns: the last record that was visited, or the range's end when there is nothing more; nil when `body` has
    ///   had enough.
    private func visitSlice(
        _ range: SequenceRange,
        _ body: (RecordHeader, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> UInt64? {
        var left = 4_096
        var last = range.last
        var goesOn = true
        try log.environment.read { transaction in
            try transaction.withCursor(log.databases.records) { cursor in
                try cursor.forEach(from: range.first) { key, value in
                    guard let sequence = key.storedInteger, sequence <= range.last else { return false }
                    goesOn = try value.withUnsafeBytes { try body(try RecordCodec.peek($0), $0) }
                    left -= 1
                    guard goesOn, left == 0 else { return goesOn }
                    last = sequence
                    return false
                }
            }
        }
        return goesOn ? last : nil
    }
}

/// What the log holds: records from `first` to `last`; when it is empty, `first` is the next one.
struct LogBounds: Hashable, Sendable {
    var first: UInt64
    var last: UInt64
}

extension EncodedRecord {
    /// Copies a record whose head was read already.
    init(_ header: RecordHeader, _ bytes: UnsafeRawBufferPointer) {
        self.init(
            sequence: header.sequence,
            previous: header.previous,
            topic: header.topic,
            acceptedAtNanoseconds: header.acceptedAtNanoseconds,
            acceptedAtWallNanoseconds: header.acceptedAtWallNanoseconds,
            bytes: Array(bytes)
        )
    }
}

/// Records that retention trimmed before they were delivered: the one way in which an accepted record is lost, so it is never silent.
struct TrimCount {
    /// How many.
    private(set) var records: UInt64 = 0

    /// Counts and logs; does nothing for none.
    mutating func note(_ count: UInt64, _ logger: Logger) {
        guard count > 0 else { return }
        records = records.saturatingAdd(count)
        logger.warning(
            "retention has trimmed records before they were delivered: publishers are too slow or were away for too long",
            metadata: ["records": "\(count)", "since the start": "\(records)"]
        )
    }
}
