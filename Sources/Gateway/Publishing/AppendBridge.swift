package import ChangeQueue
package import NIOCore

/// The way from an event loop to the log writer and back: what the connections of one loop append during one turn goes
/// to the writer together, under one lock with one wake-up, and the outcomes of one commit come back in one task of the
/// loop.
///
/// All methods but ``completed(_:)`` are called on the loop.
package final class AppendBridge: AppendClient {
    /// Receives the outcome of one append, on the loop, after the commit.
    package typealias Completion = (Result<[AppendedRecord], ChangeQueueError>) -> Void
    /// Hands one turn's appends over; `LogAppending.submit` outside tests.
    package typealias Submit = @Sendable ([(token: UInt64, request: AppendRequest)], AppendBridge) -> Void

    /// The loop that this bridge belongs to.
    package let eventLoop: any EventLoop
    private let submit: Submit
    private let state: NIOLoopBoundBox<AppendBridgeState>

    /// Makes the bridge of `eventLoop`.
    package init(eventLoop: any EventLoop, submit: @escaping Submit) {
        self.eventLoop = eventLoop
        self.submit = submit
        state = .makeBoxSendingValue(AppendBridgeState(), eventLoop: eventLoop)
    }

    /// Appends with this turn's other appends; `then` is called on the loop after the commit, or with what went wrong.
    package func append(_ request: AppendRequest, then: @escaping Completion) {
        let isFirstOfTurn = state.value.add(request, then)
        // A task of the loop runs after the events that were ready in this turn: that is when the turn's appends are
        // complete.
        if isFirstOfTurn { eventLoop.execute { self.endTurn() } }
    }

    /// Flushes `connection` once after the current delivery of outcomes, or at the end of the turn when none is being
    /// delivered.
    package func flushLater(_ connection: any LaterFlushing) {
        if state.value.addFlush(connection) { eventLoop.execute { self.flushAll() } }
    }

    /// Called by the writer on its thread, once per commit.
    package func completed(_ outcomes: [AppendOutcome]) {
        eventLoop.execute { self.deliver(outcomes) }
    }

    private func endTurn() {
        submit(state.value.takeTurn(), self)
    }

    private func deliver(_ outcomes: [AppendOutcome]) {
        state.value.isDelivering = true
        for outcome in outcomes {
            // Taken out before the call: a completion may append again.
            state.value.takeCompletion(outcome.token)?(outcome.result)
        }
        state.value.isDelivering = false
        flushAll()
    }

    private func flushAll() {
        for connection in state.value.takeFlushes() { connection.flushNow() }
    }
}

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

/// A connection that has written and wants one flush when its loop's current batch of work is done, see
/// ``AppendBridge/flushLater(_:)``.
///
/// A connection asks once per batch: it keeps a flag that ``flushNow()`` clears.
package protocol LaterFlushing: AnyObject {
    /// Flushes what has been written. Called on the event loop.
    func flushNow()
}
