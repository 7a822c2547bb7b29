public import ChangeQueue
public import NIOCore

/// The way from an event loop to the log writer and back: what the connections of one loop append during one turn goes
/// to the writer together, under one lock with one wake-up, and the outcomes of one commit come back in one task of the
/// loop.
///
/// All methods but ``completed(_:)`` are called on the loop.
public final class AppendBridge: AppendClient {
    /// Receives the outcome of one append, on the loop, after the commit.
    public typealias Completion = (Result<[AppendedRecord], ChangeQueueError>) -> Void
    /// Hands one turn's appends over; `LogAppending.submit` outside tests.
    public typealias Submit = @Sendable ([(token: UInt64, request: AppendRequest)], AppendBridge) -> Void

    /// The loop that this bridge belongs to.
    public let eventLoop: any EventLoop
    private let submit: Submit
    private let state: NIOLoopBoundBox<AppendBridgeState>

    /// Makes the bridge of `eventLoop`.
    public init(eventLoop: any EventLoop, submit: @escaping Submit) {
        self.eventLoop = eventLoop
        self.submit = submit
        state = .makeBoxSendingValue(AppendBridgeState(), eventLoop: eventLoop)
    }

    /// Appends with this turn's other appends; `then` is called on the loop after the commit, or with what went wrong.
    public func append(_ request: AppendRequest, then: @escaping Completion) {
        let isFirstOfTurn = state.value.add(request, then)
        // A task of the loop runs after the events that were ready in this turn: that is when the turn's appends are
        // complete.
        if isFirstOfTurn { eventLoop.execute { self.endTurn() } }
    }

    /// Flushes `connection` once after the current delivery of outcomes, or at the end of the turn when none is being
    /// delivered.
    public func flushLater(_ connection: any LaterFlushing) {
        if state.value.addFlush(connection) { eventLoop.execute { self.flushAll() } }
    }

    /// Called by the writer on its thread, once per commit.
    public func completed(_ outcomes: [AppendOutcome]) {
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
