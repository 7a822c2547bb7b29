/// Finds the first record that was accepted at a time or later, as a value: it asks for the times of records, one after the other.
///
/// Times rise with the sequence numbers but for those of requests that were answered together, and for a clock that was set back. So it
/// halves the range, and then looks back over some records for an earlier one, again and again as long as there is one.
package struct TimestampSearch: Sendable {
    private enum Phase {
        /// The first is from `low` on, and `high` or before.
        case halving(low: UInt64, high: UInt64)
        /// `found` is young enough; those from `next` down to `last` are looked at.
        case lookingBack(found: UInt64, next: UInt64, last: UInt64)
        case done(UInt64)
    }

    private let timeNanoseconds: UInt64
    private let oldest: UInt64
    private let lookBackRecords: UInt64
    private var phase: Phase

    /// Searches the records from `oldest` to `newest`.
    package init(timeNanoseconds: UInt64, oldest: UInt64, newest: UInt64, lookBackRecords: UInt64 = 4_096) {
        self.timeNanoseconds = timeNanoseconds
        self.oldest = oldest
        self.lookBackRecords = lookBackRecords
        phase = .halving(low: oldest, high: max(newest, oldest - min(oldest, 1)) + 1)
        settle()
    }

    /// The record whose time is wanted; nil when it is done.
    package var wanted: UInt64? {
        switch phase {
        case .halving(let low, let high): low + (high - low) / 2
        case .lookingBack(_, let next, _): next
        case .done: nil
        }
    }

    /// The first record; the number after the newest when all are older.
    package var result: UInt64? { if case .done(let result) = phase { result } else { nil } }

    /// The time of the record that was wanted; nil when it was trimmed meanwhile.
    package mutating func found(timeNanoseconds time: UInt64?) {
        let isYoung = time.map { $0 >= timeNanoseconds } ?? false
        switch phase {
        case .halving(let low, let high):
            let middle = low + (high - low) / 2
            phase = isYoung ? .halving(low: low, high: middle) : .halving(low: middle + 1, high: high)
        case .lookingBack(let found, let next, let last):
            if isYoung {
                lookBack(from: next)
            } else {
                phase = next > last ? .lookingBack(found: found, next: next - 1, last: last) : .done(found)
            }
        case .done: break
        }
        settle()
    }

    private mutating func settle() {
        if case .halving(let low, let high) = phase, low >= high { lookBack(from: low) }
    }

    private mutating func lookBack(from found: UInt64) {
        guard found > oldest else {
            phase = .done(found)
            return
        }
        let last = max(oldest, found - min(found, lookBackRecords))
        phase = .lookingBack(found: found, next: found - 1, last: last)
    }
}
