import SluiceCore
import SubscriptionRegistry

/// A subscribe that waits for its commit.
struct SubscribeRequest: Sendable {
    let connection: ConnectionID
    let topics: [Topic]
    let atNanoseconds: UInt64
    let then: @Sendable (Result<Void, RegistryError>) -> Void
    /// The topics that the connection wasn't subscribed to before; nil when the connection isn't known.
    var added: [Topic]? = []

    func completion(_ result: Result<Void, RegistryError>) -> RegistryCompletion {
        RegistryCompletion(connection: connection, result: result, then: then)
    }
}
