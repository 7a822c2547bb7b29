import ChangeQueue
import SluiceCore

/// Records that gateways have refused, as a value: how many of them may go together the next time.
///
/// Half as many as before, so that the record that they were refused for is alone in the end, and the others are delivered (Lambda API reference,
/// "CreateEventSourceMapping", BisectBatchOnFunctionError).
struct RefusedRecords {
    private var portions: [SequenceNumber: Int] = [:]

    /// Records that are remembered; beyond, those that are refused go with all others.
    private static let maximumRecords = 100_000

    /// A delivery of so many records was refused, this one among them.
    mutating func note(_ refusedRecords: Int, of sequence: SequenceNumber) {
        if portions.count >= RefusedRecords.maximumRecords, portions[sequence] == nil { return }
        portions[sequence] = min(portions[sequence] ?? .max, max(1, refusedRecords / 2))
    }

    /// The record is delivered, or given up.
    mutating func forget(_ sequence: SequenceNumber) {
        if !portions.isEmpty { portions[sequence] = nil }
    }

    /// Which records go together in a delivery: all, but fewer of those that were refused before.
    func deliveries(of positions: [Int], _ batch: Batch) -> [[Int]] {
        guard !portions.isEmpty else { return [positions] }
        var groups: [[Int]] = []
        var last = 0
        for position in positions {
            let portion = portions[batch.entries[position].received.record.sequence] ?? .max
            if portion == last, let group = groups.last, group.count < portion {
                groups[groups.count - 1].append(position)
            } else {
                groups.append([position])
            }
            last = portion
        }
        return groups
    }
}
