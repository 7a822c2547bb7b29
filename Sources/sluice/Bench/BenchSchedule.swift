/// When messages are due, as a value.
///
/// On schedule a message is due at its time, also when the gateway or this process is late: who waits to send because the answer before is slow would
/// leave out of the figures just what was slow (coordinated omission).
struct BenchSchedule {
    private let pacing: BenchPacing
    private let startNanoseconds: UInt64
    /// From here on latency counts.
    let measuredFromNanoseconds: UInt64
    /// No message is due from here on.
    private(set) var endNanoseconds: UInt64
    private var issued = 0
    private var freePlaces: Int

    init(_ plan: BenchPlan, startNanoseconds: UInt64) {
        pacing = plan.pacing
        self.startNanoseconds = startNanoseconds
        measuredFromNanoseconds = startNanoseconds + UInt64(plan.warmUpSeconds * 1e9)
        endNanoseconds = measuredFromNanoseconds + UInt64(plan.seconds * 1e9)
        freePlaces = if case .inFlight(let places) = plan.pacing { places } else { 0 }
    }

    /// Takes the times of the messages that are due until `now`.
    mutating func due(now: UInt64) -> [UInt64] {
        var times: [UInt64] = []
        switch pacing {
        case .rate:
            while let due = nextNanoseconds, due <= now {
                times.append(due)
                issued += 1
            }
        case .inFlight:
            guard now < endNanoseconds else { return [] }
            times = Array(repeating: now, count: freePlaces)
            freePlaces = 0
        }
        return times
    }

    /// A message has left its place.
    mutating func freePlace() { freePlaces += 1 }

    /// Ends the schedule early.
    mutating func stop(now: UInt64) { endNanoseconds = min(endNanoseconds, now) }

    /// When the next message is due; nil when none is before a place is free, or none any more.
    var nextNanoseconds: UInt64? {
        guard case .rate(let rate) = pacing else { return nil }
        let due = startNanoseconds + UInt64(Double(issued) / rate * 1e9)
        return due < endNanoseconds ? due : nil
    }
}
