package import SluiceCore

/// Where reading begins (API reference of DynamoDB Streams and of Kinesis, "GetShardIterator").
package enum ShardIteratorType: Hashable, Sendable {
    /// The oldest record that there is.
    case trimHorizon
    /// What comes from now on.
    case latest
    /// That record.
    case atSequenceNumber(SequenceNumber)
    /// The record behind that one.
    case afterSequenceNumber(SequenceNumber)
    /// The first record that was accepted then or later, wall clock, nanoseconds since 1970.
    case atTimestamp(nanoseconds: UInt64)

    /// The record after which reading begins.
    /// - Parameters:
    ///   - oldest: the oldest record that there is; the next number to be given when there is none.
    ///   - newest: the newest number that was given.
    ///   - search: finds the first record that was accepted at a time or later; the number after the newest when there is none.
    /// - Returns: its number.
    /// - Throws: `trimmedDataAccess` and `validation` for numbers that aren't there, and what `search` throws.
    package func position(
        oldest: UInt64,
        newest: UInt64,
        search: (_ nanoseconds: UInt64) throws(StreamError) -> UInt64
    ) throws(StreamError) -> SequenceNumber {
        switch self {
        case .trimHorizon: return SequenceNumber(oldest - min(oldest, 1))
        case .latest: return SequenceNumber(newest)
        case .atSequenceNumber(let number):
            guard number.rawValue <= newest, number.rawValue > 0 else {
                throw ShardIteratorType.unknown(number, newest)
            }
            guard number.rawValue >= oldest else { throw ShardIterator.trimmed(through: oldest, at: number.rawValue) }
            return SequenceNumber(number.rawValue - 1)
        case .afterSequenceNumber(let number):
            guard number.rawValue <= newest else { throw ShardIteratorType.unknown(number, newest) }
            guard number.rawValue >= oldest - min(oldest, 1) else {
                throw ShardIterator.trimmed(through: oldest, at: number.rawValue + 1)
            }
            return number
        case .atTimestamp(let nanoseconds):
            let found = try search(nanoseconds)
            return SequenceNumber(found - min(found, 1))
        }
    }

    private static func unknown(_ number: SequenceNumber, _ newest: UInt64) -> StreamError {
        StreamError(.validation, "There is no record \(number); the newest one is \(newest).")
    }
}

/// A place in a stream that reading goes on from: what is behind a record, of the topics of a hash range.
///
/// As a text it is opaque, and expires 15 minutes after it was issued (API reference, "GetShardIterator").
package struct ShardIterator: Hashable, Sendable {
    /// How long one can be used.
    package static let lifetimeNanoseconds: UInt64 = 15 * 60 * 1_000_000_000
    private static let version = "1"
    private static let maximumBytes = 1_024

    /// The log's random name.
    package let logID: UInt32
    /// The log's epochs when it was issued, as clients are told them.
    package let epochs: String
    /// The topics that are read.
    package let hashes: HashRange
    /// Reading goes on behind this record.
    package let after: SequenceNumber
    /// When it was issued, wall clock, nanoseconds since 1970.
    package let issuedAtNanoseconds: UInt64

    /// Makes one from its parts.
    package init(
        logID: UInt32,
        epochs: String,
        hashes: HashRange,
        after: SequenceNumber,
        issuedAtNanoseconds: UInt64
    ) {
        self.logID = logID
        self.epochs = epochs
        self.hashes = hashes
        self.after = after
        self.issuedAtNanoseconds = issuedAtNanoseconds
    }

    // MARK: The text

    /// The iterator as it is given out.
    package var text: String {
        let numbers = [UInt64(logID), hashes.first, hashes.last, after.rawValue, issuedAtNanoseconds]
        let body = ([ShardIterator.version] + numbers.map { String($0, radix: 16) } + [epochs]).joined(separator: "-")
        return body + "-" + ShardIterator.checksum(of: body)
    }

    /// Reads a text.
    /// - Throws: `validation` when it isn't one that was given out.
    package init(_ text: String) throws(StreamError) {
        let parts =
            text.utf8.count <= ShardIterator.maximumBytes
            ? text.split(separator: "-", omittingEmptySubsequences: false) : []
        let numbers = parts.dropFirst().prefix(5).compactMap { UInt64($0, radix: 16) }
        guard parts.count == 8, parts[0] == ShardIterator.version, numbers.count == 5,
            let logID = UInt32(exactly: numbers[0]), numbers[1] <= numbers[2],
            ShardIterator.checksum(of: parts.dropLast().joined(separator: "-")) == parts[7]
        else {
            throw StreamError(.validation, "'\(text.printable(limit: 40))' is no shard iterator; ask for a new one.")
        }
        self.init(
            logID: logID,
            epochs: String(parts[6]),
            hashes: HashRange(numbers[1], numbers[2]),
            after: SequenceNumber(numbers[3]),
            issuedAtNanoseconds: numbers[4]
        )
    }

    private static func checksum(of body: String) -> String {
        let bytes = Array(body.utf8)
        return String(bytes.withUnsafeBytes { CRC32C.checksum(of: $0) }, radix: 16)
    }

    // MARK: Whether it is good

    /// Checks it against the log that it is used on.
    /// - Throws: `resourceNotFound` when it is another log's or another history's, `expiredIterator`, `trimmedDataAccess`.
    package func check(
        logID current: UInt32,
        _ currentEpochs: LogEpochs,
        oldest: UInt64,
        newest: UInt64,
        nowNanoseconds now: UInt64
    ) throws(StreamError) {
        guard logID == current else {
            throw StreamError(.resourceNotFound, "The iterator is of another log than this one; ask for a new one.")
        }
        let point = currentEpochs.resume(
            after: after,
            of: EpochClaim(ByteString(epochs)),
            head: SequenceNumber(newest),
            lastSequence: { SequenceNumber(newest) }
        )
        guard case .known = point else {
            throw StreamError(
                .resourceNotFound,
                """
                The log was put back from a copy since the iterator was issued, and record \(after) isn't the one that it stands behind; \
                ask for a new one.
                """
            )
        }
        // A clock that was set back makes none expire.
        guard now - min(now, issuedAtNanoseconds) <= ShardIterator.lifetimeNanoseconds else {
            throw StreamError(.expiredIterator, "The iterator was issued more than 15 minutes ago; ask for a new one.")
        }
        guard after.rawValue + 1 >= oldest else {
            throw ShardIterator.trimmed(through: oldest, at: after.rawValue + 1)
        }
    }

    static func trimmed(through oldest: UInt64, at number: UInt64) -> StreamError {
        StreamError(
            .trimmedDataAccess,
            "Retention has trimmed record \(number); the oldest one is \(oldest). Go on at TRIM_HORIZON."
        )
    }
}

/// Which records are wanted of those that are read.
package struct StreamFilter: Hashable, Sendable {
    /// What the topic begins with; nil for any.
    package var topicPrefix: ByteString?
    /// The table of the item that was changed; nil for any record.
    package var table: ByteString?

    /// Wants what begins with the prefix and is of the table, where they are given.
    package init(topicPrefix: ByteString? = nil, table: ByteString? = nil) {
        self.topicPrefix = topicPrefix
        self.table = table
    }

    /// Whether a record of the topic may be wanted.
    package func mayInclude(_ topic: Topic) -> Bool {
        topicPrefix.map { topic.name.utf8.starts(with: $0.utf8) } ?? true
    }

    /// Whether the record is wanted.
    package func includes(_ record: ChangeRecord) -> Bool {
        guard mayInclude(record.topic) else { return false }
        guard let table else { return true }
        return record.attributes.table.map { ByteString($0) } == table
    }
}
