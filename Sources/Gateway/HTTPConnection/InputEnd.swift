import Synchronization

/// The end of what a client sends: a program that was ended says no more of itself than one that only has nothing more to send.
///
/// Most requests are answered all the same. One that waits for something to hand out must not hand it to nobody.
final class InputEnd: Sendable {
    private struct State {
        var isClosed = false
        var onClose: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Calls `body` when the client has ended its side; at once if it has.
    func whenClosed(_ body: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.onClose = body }
            return state.isClosed
        }
        if isClosed { body() }
    }

    /// The client has ended its side.
    func close() {
        let body = state.withLock { state in
            state.isClosed = true
            defer { state.onClose = nil }
            return state.onClose
        }
        body?()
    }
}
