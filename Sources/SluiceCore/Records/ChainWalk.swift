/// The walk along a topic's chain, from its head backwards, as a value: it says which record to look up and is told
/// what was found.
///
/// It can be taken up again where it stopped, so that a long one is done in slices.
public struct ChainWalk: Equatable, Sendable {
    /// Records that one slice of walks visits, so that a long one neither holds a thread nor keeps the log from using trimmed space again.
    public static let sliceRecords = 4096

    /// The record to look up next; nil when the walk is over.
    public private(set) var wanted: SequenceNumber?
    private let head: SequenceNumber
    private let after: SequenceNumber
    private let maximumRecords: Int
    private var visited: [SequenceNumber] = []
    private var isBroken = false

    /// Starts at `head`; records at or below `after` aren't wanted.
    public init(head: SequenceNumber, after: SequenceNumber, maximumRecords: Int) {
        self.head = head
        self.after = after
        self.maximumRecords = maximumRecords
        wanted = head > after ? head : nil
    }

    /// The wanted record is there and its `previous` is `previous`.
    public mutating func found(previous: SequenceNumber) {
        guard let sequence = wanted else { return }
        guard visited.count < maximumRecords else {
            stop()
            return
        }
        visited.append(sequence)
        if previous <= after {
            wanted = nil
        } else if previous >= sequence {
            // A chain only leads backwards: a record that says otherwise is damaged, and what is before it can't be
            // found.
            stop()
        } else {
            wanted = previous
        }
    }

    /// The wanted record isn't there: it was trimmed.
    public mutating func missing() { stop() }

    private mutating func stop() {
        isBroken = true
        wanted = nil
    }

    /// Whether it is over.
    public var isDone: Bool { wanted == nil }

    /// What was found.
    public var history: TopicHistory {
        let gap = isBroken ? SequenceGap(from: after.next, to: visited.last ?? head.next) : nil
        return TopicHistory(sequences: visited.reversed(), gap: gap)
    }
}
