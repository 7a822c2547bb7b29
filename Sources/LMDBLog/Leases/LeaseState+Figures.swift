import ChangeQueue
import SluiceCore

extension LeaseState {
    /// The queue's figures but for those of the log; exact.
    func depth(of queue: QueueID, _ bounds: LogBounds, nowNanoseconds now: UInt64) -> QueueDepth {
        var depth = QueueDepth(queue: queue)
        let untouched = max(cursor, bounds.first - min(bounds.first, 1))
        depth.visible = bounds.last - min(bounds.last, untouched)
        for lease in leases.leases {
            // What was trimmed since the last receive is no one's any more.
            guard let held = lease.range.overlap(SequenceRange(bounds.first, .max)) else { continue }
            switch lease.state(nowNanoseconds: now) {
            case .visible: depth.visible += held.count
            case .inFlight: depth.inFlight += held.count
            case .delayed: depth.delayed += held.count
            }
        }
        return depth
    }

    /// What isn't retired, ascending.
    func unretired(_ bounds: LogBounds) -> [SequenceRange] {
        guard bounds.last >= bounds.first else { return [] }
        let log = SequenceRange(bounds.first, bounds.last)
        var ranges = leases.leases.compactMap { $0.range.overlap(log) }
        if cursor < bounds.last { ranges.append(SequenceRange(max(cursor + 1, bounds.first), bounds.last)) }
        return ranges
    }

    /// Where a record stands and how often it was received; nil when it is retired.
    func standing(of sequence: UInt64, nowNanoseconds now: UInt64) -> RecordStanding? {
        if sequence > cursor { return RecordStanding(state: .visible, receiveCount: 0) }
        guard let lease = leases.lease(of: sequence) else { return nil }
        return RecordStanding(state: lease.state(nowNanoseconds: now), receiveCount: Int(lease.receiveCount))
    }
}
