public import SluiceCore

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
