public import SluiceCore
import Synchronization

/// When the last records were committed, so that a gateway that writes a record to its sockets knows how long it was under way.
///
/// A ring of fixed size, one lock for a whole commit or a whole batch. Used from any thread.
public final class CommitTimes: Sendable {
    private struct Slot {
        var sequence: UInt64 = 0
        var nanoseconds: UInt64 = 0
    }

    private let slots: Mutex<[Slot]>
    private let mask: UInt64

    /// Makes an empty ring.
    /// - Parameter capacity: records to remember, rounded up to a power of two (16 bytes each, at most a million).
    public init(capacity: Int = 65_536) {
        let size = RingSize.rounded(capacity)
        slots = Mutex(Array(repeating: Slot(), count: size))
        mask = UInt64(size - 1)
    }

    /// Notes that a commit with `count` records from `first` on returned.
    ///
    /// `nanoseconds`: the time of `StageClock`.
    public func note(first: SequenceNumber, count: Int, committedAtNanoseconds nanoseconds: UInt64) {
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
    public func committedAtNanoseconds(_ sequence: SequenceNumber) -> UInt64 {
        slots.withLock { time(of: sequence, in: $0) }
    }

    /// When each of `sequences` was committed, under one lock; zero for those that aren't remembered.
    public func committedAtNanoseconds(_ sequences: [SequenceNumber]) -> [UInt64] {
        slots.withLock { slots in sequences.map { time(of: $0, in: slots) } }
    }

    private func time(of sequence: SequenceNumber, in slots: borrowing [Slot]) -> UInt64 {
        let slot = slots[Int(sequence.rawValue & mask)]
        return slot.sequence == sequence.rawValue ? slot.nanoseconds : 0
    }
}
