public import SluiceCore

/// Where a committed record stands.
public struct AppendedRecord: Hashable, Sendable {
    /// Its position in the log.
    public let sequence: SequenceNumber
    /// The sequence number of the topic's record before it.
    public let previous: SequenceNumber
    /// When the commit that holds it had returned, nanoseconds of `StageClock`.
    public var committedAtNanoseconds: UInt64

    /// Makes one from its parts.
    public init(sequence: SequenceNumber, previous: SequenceNumber, committedAtNanoseconds: UInt64) {
        self.sequence = sequence
        self.previous = previous
        self.committedAtNanoseconds = committedAtNanoseconds
    }
}
