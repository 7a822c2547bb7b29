import SluiceCore
import SubscriptionRegistry

/// The registry as connections use it.
struct ConnectionRecorder: Sendable {
    /// A client has connected.
    var connected: @Sendable (_ id: ConnectionID, _ principal: String?, _ remoteAddress: String) -> Void
    /// It subscribes; `then` is called after the commit, on any thread.
    var subscribe:
        @Sendable (_ id: ConnectionID, _ topics: [Topic], _ then: @escaping @Sendable (Result<Void, any Error>) -> Void)
            -> Void
    /// It unsubscribes.
    var unsubscribe: @Sendable (_ id: ConnectionID, _ topics: [Topic]) -> Void
    /// It is gone.
    var disconnected: @Sendable (_ id: ConnectionID) -> Void
}

extension ConnectionRecorder {
    /// Records in the gateway's registry.
    init(_ registry: any SubscriptionDirectory) {
        self.init(
            connected: { registry.connected($0, principal: $1, remoteAddress: $2) },
            subscribe: { id, topics, then in
                registry.subscribe(id, topics: topics) { result in then(result.mapError { $0 }) }
            },
            unsubscribe: { registry.unsubscribe($0, topics: $1) },
            disconnected: { registry.disconnected($0) }
        )
    }
}
