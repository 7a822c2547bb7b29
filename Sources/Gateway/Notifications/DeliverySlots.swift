import DequeModule
import Synchronization

/// How many deliveries may be on their way at once, over all subscriptions: whoever wants one waits for its turn.
final class DeliverySlots: Sendable {
    private struct State {
        var free: Int
        var waiting: Deque<CheckedContinuation<Void, Never>> = []
    }

    private let state: Mutex<State>

    /// `count`: how many there are.
    init(_ count: Int) { state = Mutex(State(free: count)) }

    /// Takes one, when there is one.
    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    /// Takes up to so many that are free now.
    /// - Returns: how many it took.
    func takeFree(upTo count: Int) -> Int {
        state.withLock { state in
            let taken = max(0, min(count, state.free))
            state.free -= taken
            return taken
        }
    }

    /// Gives some back.
    func give(_ count: Int) {
        for _ in 0..<count {
            let next = state.withLock { state in
                if state.waiting.isEmpty { state.free += 1 }
                return state.waiting.popFirst()
            }
            next?.resume()
        }
    }
}
