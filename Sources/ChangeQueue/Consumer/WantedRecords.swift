/// What a receive asks the log for: ranges that are read in this order until enough was read.
struct WantedRecords: Hashable {
    /// Ascending and disjoint.
    var ranges: [SequenceRange] = []

    /// Adds records that nobody has had.
    mutating func addUntouched(after cursor: UInt64, room: UInt64, _ bounds: LogBounds) {
        guard room > 0, cursor < bounds.last else { return }
        let count = min(room, bounds.last - cursor)
        ranges.append(SequenceRange(cursor + 1, cursor + count))
    }
}
