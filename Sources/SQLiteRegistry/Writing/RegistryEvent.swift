import SluiceCore
import SubscriptionRegistry

/// What event loops hand to the registry's writer.
enum RegistryEvent: Sendable {
    case connected(ConnectionID, principal: String?, remoteAddress: String, atNanoseconds: UInt64)
    case subscribe(SubscribeRequest)
    case unsubscribe(ConnectionID, [Topic])
    case disconnected(ConnectionID)
    case httpAddress(String)
    case flush(@Sendable (Result<Void, RegistryError>) -> Void)
}
