import SluiceCore
import SubscriptionRegistry

/// A row of the change feed.
struct FeedEntry: Equatable {
    let id: Int64
    /// Nil for a kind that this version doesn't know.
    let kind: FeedKind?
    let gateway: GatewayID
    let topic: Topic?
}
