/// A record's position in the change log: 64-bit, strictly increasing, never reused.
///
/// Zero stands for "before the first record".
public struct SequenceNumber: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number itself.
    public let rawValue: UInt64

    /// Wraps a number.
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Wraps a number.
    @inlinable public init(_ value: UInt64) { rawValue = value }

    /// Before the first record of a log, or of a topic.
    public static let none = SequenceNumber(rawValue: 0)

    /// The number after this one; the last number of all stays where it is.
    public var next: SequenceNumber { SequenceNumber(rawValue: rawValue == .max ? .max : rawValue + 1) }

    /// Orders by position in the log.
    @inlinable public static func < (left: SequenceNumber, right: SequenceNumber) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The number in decimal.
    public var description: String { String(rawValue) }
}

/// A record's name outside its log: the log's own random id and the sequence number, `"5f2a91c0-18"`.
///
/// It is derived, not stored, so that it costs no byte in the log, and it can't be confused with a record of another data directory.
public struct RecordID: Hashable, Sendable, CustomStringConvertible {
    /// The random number that the log drew when it was made.
    public let logID: UInt32
    /// The record's position in that log.
    public let sequence: SequenceNumber

    /// Names the record at `sequence` of the log `logID`.
    public init(logID: UInt32, sequence: SequenceNumber) {
        self.logID = logID
        self.sequence = sequence
    }

    /// Parses `"5f2a91c0-18"`; nil when it isn't of that form.
    public init?(_ text: String) {
        let parts = ByteString(text).split(separator: "-")
        guard parts.count == 2, parts[0].count == 8, let logID = UInt32(parts[0].string, radix: 16),
            let sequence = UInt64(parts[1].string)
        else { return nil }
        self.init(logID: logID, sequence: SequenceNumber(sequence))
    }

    /// Eight hexadecimal digits, a hyphen and the sequence number.
    public var description: String {
        let digits = String(logID, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits + "-" + String(sequence.rawValue)
    }
}
