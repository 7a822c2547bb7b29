package import ChangeQueue
package import QueueEngine
package import SluiceCore

/// What GetRecords answers.
package struct StreamRecords: Sendable {
    /// The records, in the order of the log.
    package var records: [ChangeRecord] = []
    /// Where the next call goes on; there always is one, since a hash range never ends.
    package let next: ShardIterator
    /// How long ago the last record that was looked at was accepted; 0 at the end of the log.
    package let millisBehindLatest: UInt64
}

/// Reads a log by iterators, beside whoever else does; takes nothing from any queue.
package struct StreamReader: Sendable {
    /// Most records of one call (DynamoDB Streams, "GetRecords").
    package static let maximumRecords = 1_000
    /// No more are read in one call after so many bytes; the first record is returned whatever its size.
    package static let maximumBytes = 1 << 20
    /// Most records that one call looks at, where a filter or a hash range leaves most of them out.
    package static let maximumVisited = 100_000

    private let log: ChangeLog

    /// Reads a log that is open.
    package init(_ log: ChangeLog) { self.log = log }

    /// Opens the log of a data directory for reading only.
    /// - Throws: `cannotOpen` when there is none, `versionMismatch`.
    package init(dataDirectory: String) throws(ChangeQueueError) {
        log = try ChangeLog.openReadOnly(directory: dataDirectory + "/log")
    }

    /// Looks at a queue of the same log, which a process opens once.
    package func inspector(of queue: QueueID, kind: QueueKind, dataDirectory: String) -> QueueInspector {
        QueueInspector(
            log: log,
            directory: dataDirectory + "/consumers",
            run: try? RunDirectory(data: dataDirectory),
            queue: queue,
            kind: kind
        )
    }

    /// The log's random name.
    package var logID: UInt32 { log.logID }

    /// The log's epochs, as they were when it was opened.
    package var epochs: LogEpochs { log.epochs }

    /// The oldest record, or the next number when there is none, and the newest number that was given.
    package func bounds() throws(StreamError) -> (oldest: UInt64, newest: UInt64) {
        let bounds = try StreamReader.typing { () throws(ChangeQueueError) in try log.reader.bounds() }
        return (bounds.first, bounds.last)
    }

    /// GetShardIterator: where reading a hash range begins.
    /// - Throws: `trimmedDataAccess`, `validation`, `internalServerError`.
    package func shardIterator(
        _ type: ShardIteratorType,
        hashes: HashRange = .all,
        nowNanoseconds now: UInt64
    ) throws(StreamError) -> ShardIterator {
        let bounds = try bounds()
        let after = try type.position(oldest: bounds.oldest, newest: bounds.newest) { time throws(StreamError) in
            try first(acceptedAt: time, bounds)
        }
        return iterator(hashes, after: after, now)
    }

    /// GetRecords: what is behind an iterator.
    /// - Parameters:
    ///   - iterator: where to begin.
    ///   - limit: most records, at most ``maximumRecords``.
    ///   - filter: which are wanted. Those that aren't are passed over, so that there may be none and yet more to read.
    ///   - now: the wall clock, nanoseconds since 1970.
    /// - Returns: the records and where to go on.
    /// - Throws: `expiredIterator`, `trimmedDataAccess`, `resourceNotFound`, `internalServerError`.
    package func records(
        _ iterator: ShardIterator,
        limit: Int = maximumRecords,
        filter: StreamFilter = StreamFilter(),
        nowNanoseconds now: UInt64
    ) throws(StreamError) -> StreamRecords {
        let bounds = try bounds()
        try iterator.check(
            logID: log.logID,
            log.epochs,
            oldest: bounds.oldest,
            newest: bounds.newest,
            nowNanoseconds: now
        )
        let limit = min(max(limit, 1), StreamReader.maximumRecords)
        var records: [ChangeRecord] = []
        var (bytes, visited) = (0, 0)
        var last = (sequence: iterator.after, acceptedAt: now)
        if iterator.after.rawValue < bounds.newest {
            let range = SequenceRange(iterator.after.rawValue + 1, bounds.newest)
            try StreamReader.typing { () throws(ChangeQueueError) in
                try log.reader.visit([range]) { header, encoded in
                    let isWanted =
                        iterator.hashes.contains(ShardKey.hash(of: header.topic)) && filter.mayInclude(header.topic)
                    if isWanted {
                        if !records.isEmpty, bytes + encoded.count > StreamReader.maximumBytes { return false }
                        let record = try RecordCodec.decode(encoded)
                        if filter.includes(record) {
                            bytes += encoded.count
                            records.append(record)
                        }
                    }
                    visited += 1
                    last = (header.sequence, header.acceptedAtWallNanoseconds)
                    return records.count < limit && visited < StreamReader.maximumVisited
                }
            }
        }
        let isAtEnd = last.sequence.rawValue >= bounds.newest
        return StreamRecords(
            records: records,
            next: self.iterator(iterator.hashes, after: last.sequence, now),
            millisBehindLatest: isAtEnd ? 0 : (now - min(now, last.acceptedAt)) / 1_000_000
        )
    }

    /// When a record was accepted, wall clock; nil when there is none of the number.
    package func acceptedAt(_ sequence: UInt64) throws(StreamError) -> UInt64? {
        try StreamReader.typing { () throws(ChangeQueueError) in
            try log.reader.encodedRecord(at: SequenceNumber(sequence))?.acceptedAtWallNanoseconds
        }
    }

    private func iterator(_ hashes: HashRange, after: SequenceNumber, _ now: UInt64) -> ShardIterator {
        ShardIterator(
            logID: log.logID,
            epochs: log.epochs.text,
            hashes: hashes,
            after: after,
            issuedAtNanoseconds: now
        )
    }

    private func first(
        acceptedAt time: UInt64,
        _ bounds: (oldest: UInt64, newest: UInt64)
    ) throws(StreamError) -> UInt64 {
        var search = TimestampSearch(timeNanoseconds: time, oldest: bounds.oldest, newest: bounds.newest)
        while let wanted = search.wanted { search.found(timeNanoseconds: try acceptedAt(wanted)) }
        return search.result ?? bounds.newest + 1
    }

    private static func typing<Result>(_ body: () throws(ChangeQueueError) -> Result) throws(StreamError) -> Result {
        do throws(ChangeQueueError) { return try body() } catch {
            throw StreamError(.internalServerError, error.message)
        }
    }
}
