import SluiceCore
import Synchronization

@testable import Gateway

/// A registry that commits when the test says so.
final class RegistryModel: Sendable {
    private struct State {
        var waiting: [@Sendable (Result<Void, any Error>) -> Void] = []
        var events: [String] = []
    }

    private let state = Mutex(State())

    /// What connections told it, in order.
    var events: [String] { state.withLock { $0.events } }

    var recorder: ConnectionRecorder {
        ConnectionRecorder(
            connected: { [self] _, principal, _ in note("connected \(principal ?? "-")") },
            subscribe: { [self] _, topics, then in
                note("subscribe \(topics.map(\.name).joined(separator: ","))")
                state.withLock { $0.waiting.append(then) }
            },
            unsubscribe: { [self] _, topics in note("unsubscribe \(topics.map(\.name).joined(separator: ","))") },
            disconnected: { [self] _ in note("disconnected") }
        )
    }

    /// Commits everything that waits, or fails it.
    func commit(failing error: APIError? = nil) {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for then in waiting { then(error.map { .failure($0) } ?? .success(())) }
    }

    private func note(_ event: String) { state.withLock { $0.events.append(event) } }
}
