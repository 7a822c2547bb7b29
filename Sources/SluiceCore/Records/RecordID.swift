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
