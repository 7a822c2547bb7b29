public import SluiceCore

/// Records of a topic that are no longer in the log: those of `[from, to)`.
public struct SequenceGap: Hashable, Sendable {
    /// The first sequence number that may be missing.
    public let from: SequenceNumber
    /// The first one that is there again, or the one after the topic's newest.
    public let to: SequenceNumber

    /// Makes a gap.
    public init(from: SequenceNumber, to: SequenceNumber) {
        self.from = from
        self.to = to
    }
}
