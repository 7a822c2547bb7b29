import ChangeQueue

/// The bookkeeping of an ``AppendBridge``: this turn's requests, the completions in flight, and who wants a flush.
struct AppendBridgeState {
    /// Set while the outcomes of a commit are handed out: flushes wait for the last of them.
    var isDelivering = false
    private var turn: [(token: UInt64, request: AppendRequest)] = []
    // Slots with a free list instead of a dictionary: two array accesses an append. A token is its slot's index and
    // comes back once.
    private var completions: [AppendBridge.Completion?] = []
    private var freeSlots: [Int] = []
    private var flushes: [any LaterFlushing] = []

    /// Appends that wait for their outcome.
    var inFlight: Int { completions.count - freeSlots.count }

    /// Takes an append in; true when it is the turn's first, so that the caller plans the turn's end.
    mutating func add(_ request: AppendRequest, _ completion: @escaping AppendBridge.Completion) -> Bool {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            completions[slot] = completion
        } else {
            slot = completions.count
            completions.append(completion)
        }
        turn.append((UInt64(slot), request))
        return turn.count == 1
    }

    /// The turn's requests; the next append begins a new turn.
    mutating func takeTurn() -> [(token: UInt64, request: AppendRequest)] {
        let taken = turn
        turn = []
        turn.reserveCapacity(taken.count)
        return taken
    }

    /// The completion of `token`, once.
    mutating func takeCompletion(_ token: UInt64) -> AppendBridge.Completion? {
        guard let slot = Int(exactly: token), completions.indices.contains(slot), let completion = completions[slot]
        else {
            return nil
        }
        completions[slot] = nil
        freeSlots.append(slot)
        return completion
    }

    /// Notes a connection to flush; true when nothing is going to flush it, so that the caller plans it.
    mutating func addFlush(_ connection: any LaterFlushing) -> Bool {
        flushes.append(connection)
        return flushes.count == 1 && !isDelivering
    }

    /// The connections to flush.
    mutating func takeFlushes() -> [any LaterFlushing] {
        let taken = flushes
        flushes = []
        flushes.reserveCapacity(taken.count)
        return taken
    }
}
