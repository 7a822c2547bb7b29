public import SluiceCore
import Synchronization

/// The stage times of the last records, one slot a sequence number, for `sluice latency --record`.
///
/// Used from any thread.
///
/// A ring of fixed size instead of a dictionary: noting a record touches one cache line or two, and old ones need no removal.
public final class RecordTraces: Sendable {
    private struct Slot {
        var sequence: UInt64 = 0
        var times = StageTimes()
    }

    private let slots: Mutex<[Slot]>
    private let mask: UInt64

    /// Makes an empty ring.
    /// - Parameter capacity: records to remember, rounded up to a power of two (64 bytes each, at most a million).
    public init(capacity: Int = 10_000) {
        let size = RingSize.rounded(capacity)
        slots = Mutex(Array(repeating: Slot(), count: size))
        mask = UInt64(size - 1)
    }

    /// Changes the times of one record; does nothing when a newer record has taken its slot.
    public func note(_ sequence: SequenceNumber, _ update: (inout StageTimes) -> Void) {
        slots.withLock { slots in
            if let index = claim(sequence, in: &slots) { update(&slots[index].times) }
        }
    }

    /// Changes the times of a batch under one lock.
    ///
    /// `update`: receives the times and the record's position in `sequences`.
    public func note(_ sequences: [SequenceNumber], _ update: (inout StageTimes, Int) -> Void) {
        slots.withLock { slots in
            for (position, sequence) in sequences.enumerated() {
                if let index = claim(sequence, in: &slots) { update(&slots[index].times, position) }
            }
        }
    }

    /// The times of a record that is still remembered.
    public func trace(_ sequence: SequenceNumber) -> StageTimes? {
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
