import ChangeQueue

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
