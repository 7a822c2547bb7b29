package import SluiceCore
import Synchronization

/// The stage times of the last records, one slot a sequence number, for `sluice latency --record`.
///
/// Used from any thread.
///
/// A ring of fixed size instead of a dictionary: noting a record touches one cache line or two, and old ones need no removal.
package final class RecordTraces: Sendable {
    private struct Slot {
        var sequence: UInt64 = 0
        var times = StageTimes()
    }

    private let slots: Mutex<[Slot]>
    private let mask: UInt64

    /// Makes an empty ring.
    /// - Parameter capacity: records to remember, rounded up to a power of two (64 bytes each, at most a million).
    package init(capacity: Int = 10_000) {
        let size = RingSize.rounded(capacity)
        slots = Mutex(Array(repeating: Slot(), count: size))
        mask = UInt64(size - 1)
    }

    /// Changes the times of one record; does nothing when a newer record has taken its slot.
    package func note(_ sequence: SequenceNumber, _ update: (inout StageTimes) -> Void) {
        slots.withLock { slots in
            if let index = claim(sequence, in: &slots) { update(&slots[index].times) }
        }
    }

    /// Changes the times of a batch under one lock.
    ///
    /// `update`: receives the times and the record's position in `sequences`.
    package func note(_ sequences: [SequenceNumber], _ update: (inout StageTimes, Int) -> Void) {
        slots.withLock { slots in
            for (position, sequence) in sequences.enumerated() {
                if let index = claim(sequence, in: &slots) { update(&slots[index].times, position) }
            }
        }
    }

    /// The times of a record that is still remembered.
    package func trace(_ sequence: SequenceNumber) -> StageTimes? {
        let index = Int(sequence.rawValue & mask)
        return slots.withLock { slots in
            sequence != .none && slots[index].sequence == sequence.rawValue ? slots[index].times : nil
        }
    }

    private func claim(_ sequence: SequenceNumber, in slots: inout [Slot]) -> Int? {
        let index = Int(sequence.rawValue & mask)
        if slots[index].sequence == sequence.rawValue { return sequence == .none ? nil : index }
        guard sequence.rawValue > slots[index].sequence else { return nil }
        slots[index] = Slot(sequence: sequence.rawValue)
        return index
    }
}

/// When the last records were committed, so that a gateway that writes a record to its sockets knows how long it was under way.
///
/// A ring of fixed size, one lock for a whole commit or a whole batch. Used from any thread.
package final class CommitTimes: Sendable {
    private struct Slot {
        var sequence: UInt64 = 0
        var nanoseconds: UInt64 = 0
    }

    private let slots: Mutex<[Slot]>
    private let mask: UInt64

    /// Makes an empty ring.
    /// - Parameter capacity: records to remember, rounded up to a power of two (16 bytes each, at most a million).
    package init(capacity: Int = 65_536) {
        let size = RingSize.rounded(capacity)
        slots = Mutex(Array(repeating: Slot(), count: size))
        mask = UInt64(size - 1)
    }

    /// Notes that a commit with `count` records from `first` on returned.
    ///
    /// `nanoseconds`: the time of `StageClock`.
    package func note(first: SequenceNumber, count: Int, committedAtNanoseconds nanoseconds: UInt64) {
        guard count > 0, first != .none else { return }
        let (last, overflow) = first.rawValue.addingReportingOverflow(UInt64(count - 1))
        if overflow { return }
        // Of a commit larger than the ring only its end can be remembered.
        let start = last - first.rawValue > mask ? last - mask : first.rawValue
        slots.withLock { slots in
            for sequence in start...last {
                slots[Int(sequence & mask)] = Slot(sequence: sequence, nanoseconds: nanoseconds)
            }
        }
    }

    /// When `sequence` was committed; zero when it isn't remembered or another process committed it.
    package func committedAtNanoseconds(_ sequence: SequenceNumber) -> UInt64 {
        slots.withLock { time(of: sequence, in: $0) }
    }

    /// When each of `sequences` was committed, under one lock; zero for those that aren't remembered.
    package func committedAtNanoseconds(_ sequences: [SequenceNumber]) -> [UInt64] {
        slots.withLock { slots in sequences.map { time(of: $0, in: slots) } }
    }

    private func time(of sequence: SequenceNumber, in slots: borrowing [Slot]) -> UInt64 {
        let slot = slots[Int(sequence.rawValue & mask)]
        return slot.sequence == sequence.rawValue ? slot.nanoseconds : 0
    }
}

/// Sizes of the rings that are indexed by sequence number: powers of two, so that the index is a mask and not a division.
enum RingSize {
    /// The largest ring, slots.
    static let maximum = 1 << 20

    /// The smallest power of two that holds `capacity` slots, within 1 and ``maximum``.
    static func rounded(_ capacity: Int) -> Int {
        var size = 1
        while size < min(capacity, maximum) { size <<= 1 }
        return size
    }
}
