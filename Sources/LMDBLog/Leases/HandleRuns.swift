import ChangeQueue
import SluiceCore

/// Receipt handles put together to ranges, so that a batch that is answered as a whole is one step.
struct HandleRuns {
    /// Ascending and disjoint.
    private(set) var ranges: [SequenceRange] = []
    /// The receive that each range's handles come from.
    private(set) var receives: [UInt64] = []

    init(_ handles: [ReceiptHandle]) {
        var previous: ReceiptHandle?
        let isSorted = handles.allSatisfy { handle in
            defer { previous = handle }
            return previous.map { $0.sequence < handle.sequence } ?? true
        }
        if isSorted {
            for handle in handles { add(handle) }
        } else {
            // Of two handles of one record the later one counts: the other is stale.
            for handle in handles.sorted(by: { ($0.sequence, $1.receive) < ($1.sequence, $0.receive) }) { add(handle) }
        }
    }

    private mutating func add(_ handle: ReceiptHandle) {
        let sequence = handle.sequence.rawValue
        if let last = ranges.last, sequence <= last.last { return }
        if let last = ranges.last, receives.last == handle.receive, sequence - last.last == 1 {
            ranges[ranges.count - 1].last = sequence
        } else {
            ranges.append(SequenceRange(sequence, sequence))
            receives.append(handle.receive)
        }
    }
}
