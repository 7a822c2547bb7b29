/// The records of one topic after a sequence number, found by walking its chain.
public struct TopicHistory: Hashable, Sendable {
    /// Their sequence numbers, ascending.
    public let sequences: [SequenceNumber]
    /// What is missing before the first of them, because it was trimmed or the walk's limit was reached; nil when
    /// nothing is.
    public let gap: SequenceGap?

    /// Makes a history.
    public init(sequences: [SequenceNumber], gap: SequenceGap?) {
        self.sequences = sequences
        self.gap = gap
    }
}

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
