/// Subscribers that are gone and whose subscriptions still stand in the index: these are taken out some at a time.
///
/// A subscriber may have a thousand topics, and thousands of subscribers may go in one turn of the loop, as when a proxy restarts. Their
/// places aren't given to others before.
struct Departures {
    /// Subscriptions that one turn takes out: some tenths of a millisecond.
    static let atOnce = 256

    private var slots: [Int] = []

    /// Whether nobody waits.
    var isEmpty: Bool { slots.isEmpty }

    /// A subscriber is gone; the fan-out sees it no more.
    mutating func add(_ slot: Int) { slots.append(slot) }

    /// Takes out the next subscriptions, and frees the places of subscribers that have none left.
    mutating func step(_ members: LoopMembers) {
        var left = Departures.atOnce
        while left > 0, let slot = slots.last {
            left -= members.index.remove(atMost: left, of: slot)
            guard members.index.count(of: slot) == 0 else { return }
            members.table.release(slot)
            slots.removeLast()
        }
    }
}
