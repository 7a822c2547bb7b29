import ChangeQueue

/// The leases of a consumer in the order of the log, as a value that remembers what was changed since it was last
/// stored.
///
/// It is an array: there are a handful of leases, one a batch in flight. Each operation replaces one part of it, so
/// that even the worst case (each record apart) moves the array once an operation, not once a record.
struct LeaseTable: Sendable {
    /// What happens to the part of a lease that a cut covers.
    enum Cut {
        /// It stays.
        case keep
        /// It is gone.
        case remove
        /// It becomes another lease, of the same records.
        case replace(Lease)
    }

    /// What is to be stored, keyed by a lease's first record.
    enum Change: Hashable {
        case put(Lease)
        case delete(first: UInt64)
    }

    /// In ascending order; none overlaps another one.
    private(set) var leases: [Lease]
    /// Records of all leases.
    private(set) var recordCount: UInt64
    /// Nothing is visible before this time; it may be earlier than needed.
    private(set) var earliestVisibleAt: UInt64
    private var changes: [Change] = []

    /// Takes leases as they were stored: in ascending order.
    init(_ leases: [Lease] = []) {
        self.leases = leases
        recordCount = leases.reduce(0) { $0 + $1.range.count }
        earliestVisibleAt = leases.lazy.map(\.visibleAt).min() ?? .max
    }

    /// What was changed since the last call.
    mutating func takeChanges() -> [Change] {
        defer { changes.removeAll(keepingCapacity: true) }
        return changes
    }

    // MARK: Reading

    /// The lease of a record.
    func lease(of sequence: UInt64) -> Lease? {
        let index = firstIndex(endingAtOrAfter: sequence)
        guard index < leases.count, leases[index].range.first <= sequence else { return nil }
        return leases[index]
    }

    /// The visible records, lowest first, at most so many.
    mutating func due(nowNanoseconds now: UInt64, maximumRecords: UInt64) -> [SequenceRange] {
        guard earliestVisibleAt <= now, maximumRecords > 0 else { return [] }
        var due: [SequenceRange] = []
        var room = maximumRecords
        var earliest = UInt64.max
        for lease in leases {
            earliest = min(earliest, lease.visibleAt)
            guard lease.visibleAt <= now, room > 0 else { continue }
            let count = min(room, lease.range.count)
            due.append(SequenceRange(lease.range.first, lease.range.first + (count - 1)))
            room -= count
        }
        earliestVisibleAt = earliest
        return due
    }

    private func firstIndex(endingAtOrAfter sequence: UInt64) -> Int {
        var (low, high) = (0, leases.count)
        while low < high {
            let middle = (low + high) / 2
            if leases[middle].range.last < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Changing

    /// Adds a lease of records after all others.
    mutating func append(_ lease: Lease) {
        replace(leases.count..<leases.count, with: [lease])
    }

    /// Cuts ranges out of the leases, in ascending order and disjoint, and asks what becomes of each part that was cut:
    /// `decide` is given the part as a lease of its own and the range's index.
    mutating func carve(_ ranges: [SequenceRange], _ decide: (Lease, Int) -> Cut) {
        guard let start = ranges.first else { return }
        let lower = firstIndex(endingAtOrAfter: start.first)
        var next = lower
        var current: Lease?
        var result: [Lease] = []
        for (position, range) in ranges.enumerated() {
            while true {
                if current == nil, next < leases.count, leases[next].range.first <= range.last {
                    current = leases[next]
                    next += 1
                }
                guard let lease = current else { break }
                guard let overlap = lease.range.overlap(range) else {
                    if lease.range.first > range.last { break }
                    result.append(lease)
                    current = nil
                    continue
                }
                current = LeaseTable.cut(lease, overlap, { decide($0, position) }, &result)
                if current != nil { break }
            }
        }
        if let current { result.append(current) }
        replace(lower..<next, with: LeaseTable.joined(result))
    }

    /// Changes leases as wholes; nil removes one.
    mutating func update(_ change: (Lease) -> Lease?) {
        replace(leases.indices, with: leases.compactMap(change))
    }

    /// - Returns: what is left after the cut.
    private static func cut(
        _ lease: Lease,
        _ overlap: SequenceRange,
        _ decide: (Lease) -> Cut,
        _ result: inout [Lease]
    ) -> Lease? {
        var part = lease
        part.range = overlap
        if lease.range.first < overlap.first {
            var before = lease
            before.range.last = overlap.first - 1
            result.append(before)
        }
        switch decide(part) {
        case .keep: result.append(part)
        case .remove: break
        case .replace(var replacement):
            replacement.range = overlap
            result.append(replacement)
        }
        guard lease.range.last > overlap.last else { return nil }
        var after = lease
        after.range.first = overlap.last + 1
        return after
    }

    /// Puts neighbours together that differ in nothing else: a part that was cut and kept, and records given back one
    /// by one.
    private static func joined(_ leases: [Lease]) -> [Lease] {
        var joined: [Lease] = []
        joined.reserveCapacity(leases.count)
        for lease in leases {
            guard var last = joined.last, last.range.last &+ 1 == lease.range.first else {
                joined.append(lease)
                continue
            }
            let range = last.range
            last.range = lease.range
            guard last == lease else {
                joined.append(lease)
                continue
            }
            joined[joined.count - 1].range = SequenceRange(range.first, lease.range.last)
        }
        return joined
    }

    /// Replaces leases and notes the difference: both lists are ascending, so one pass finds it.
    private mutating func replace(_ indices: Range<Int>, with new: [Lease]) {
        var unmatched = new[...]
        for old in leases[indices] {
            while let lease = unmatched.first, lease.range.first < old.range.first {
                put(lease)
                unmatched.removeFirst()
            }
            if let lease = unmatched.first, lease.range.first == old.range.first {
                if lease != old { put(lease) }
                unmatched.removeFirst()
            } else {
                changes.append(.delete(first: old.range.first))
            }
            recordCount -= old.range.count
        }
        for lease in unmatched { put(lease) }
        for lease in new { recordCount += lease.range.count }
        leases.replaceSubrange(indices, with: new)
    }

    private mutating func put(_ lease: Lease) {
        changes.append(.put(lease))
        earliestVisibleAt = min(earliestVisibleAt, lease.visibleAt)
    }
}

/// Records that were handed out and aren't retired: in flight, waiting for a retry, or to be handed out again.
struct Lease: Hashable, Sendable {
    /// The records.
    var range: SequenceRange
    /// The number of the receive that holds them; 0 when nobody does.
    var receive: UInt64
    /// Who holds them.
    var owner: OwnerID
    /// When they are visible again, wall clock, nanoseconds.
    var visibleAt: UInt64
    /// How often they were received.
    var receiveCount: UInt32

    /// What a consumer sees of them.
    func state(nowNanoseconds now: UInt64) -> RecordState {
        if visibleAt <= now { return .visible }
        return receive == 0 ? .delayed : .inFlight
    }

    /// The same records, given back, to be handed out again at a time.
    func givenBack(visibleAt: UInt64) -> Lease {
        Lease(range: range, receive: 0, owner: .none, visibleAt: visibleAt, receiveCount: receiveCount)
    }
}

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
