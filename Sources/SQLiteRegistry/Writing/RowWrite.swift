import SluiceCore
import SubscriptionRegistry

/// One row to write of a gateway's connections and subscriptions.
///
/// Writing it twice does no harm.
enum RowWrite: Equatable, Sendable {
    case insertConnection(ConnectionID, principal: String?, remoteAddress: String, atNanoseconds: UInt64)
    /// With all its subscriptions.
    case deleteConnection(ConnectionID)
    case insertSubscription(ConnectionID, Topic, atNanoseconds: UInt64)
    case deleteSubscription(ConnectionID, Topic)
}
