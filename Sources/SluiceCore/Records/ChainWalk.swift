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
    private let bound: Bound
    private var visited: [SequenceNumber] = []
    private var isBroken = false
    private var count = 0
    /// Every ``markInterval``th record that was visited, downwards: whoever comes again begins there instead of at the head.
    public private(set) var marks: [SequenceNumber] = []

    /// Records from one mark to the next.
    public static let markInterval = 512

    /// What keeps a walk small.
    private enum Bound: Equatable {
        /// It ends after so many records; older ones are a gap.
        case records(Int)
        /// It goes on to its end, and only so many of the oldest records are kept.
        case oldest(Int)
    }

    /// Starts at `head`; records at or below `after` aren't wanted.
    public init(head: SequenceNumber, after: SequenceNumber, maximumRecords: Int) {
        self.head = head
        self.after = after
        bound = .records(maximumRecords)
        wanted = head > after ? head : nil
    }

    /// Starts at `head`, goes down to `after`, and keeps the `oldest` records that are above it.
    public init(head: SequenceNumber, after: SequenceNumber, keepingOldest oldest: Int) {
        self.head = head
        self.after = after
        bound = .oldest(oldest)
        wanted = head > after ? head : nil
    }

    /// Records that were visited.
    public var visitedCount: Int { count }

    /// The wanted record is there and its `previous` is `previous`.
    public mutating func found(previous: SequenceNumber) {
        guard let sequence = wanted else { return }
        switch bound {
        case .records(let maximum):
            guard count < maximum else { return stop() }
        case .oldest(let kept):
            // In halves, so that a record costs the same however long the walk is.
            if visited.count >= 2 * kept { visited.removeFirst(visited.count - kept) }
            if count > 0, count % ChainWalk.markInterval == 0 { marks.append(sequence) }
        }
        count += 1
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
        if case .oldest(let kept) = bound { return TopicHistory(sequences: visited.suffix(kept).reversed(), gap: gap) }
        return TopicHistory(sequences: visited.reversed(), gap: gap)
    }
}
