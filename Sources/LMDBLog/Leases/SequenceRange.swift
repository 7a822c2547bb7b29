import ChangeQueue

/// Sequence numbers from `first` to `last`, both included.
///
/// What was received together stays together, so that a batch costs one entry.
struct SequenceRange: Hashable, Sendable {
    var first: UInt64
    var last: UInt64

    init(_ first: UInt64, _ last: UInt64) {
        self.first = first
        self.last = max(first, last)
    }

    /// How many numbers there are.
    var count: UInt64 { last - first &+ 1 }

    /// The numbers that both have; nil when there are none.
    func overlap(_ other: SequenceRange) -> SequenceRange? {
        let (first, last) = (max(first, other.first), min(last, other.last))
        return first <= last ? SequenceRange(first, last) : nil
    }

    /// Puts ascending numbers together to ranges.
    static func runs(_ sequences: some Sequence<UInt64>) -> [SequenceRange] {
        var runs: [SequenceRange] = []
        for sequence in sequences {
            if let last = runs.last, sequence > last.last, sequence - last.last == 1 {
                runs[runs.count - 1].last = sequence
            } else {
                runs.append(SequenceRange(sequence, sequence))
            }
        }
        return runs
    }
}
