import SubscriptionRegistry

/// What a row of the change feed says.
///
/// The numbers stand in the file.
enum FeedKind: Int {
    /// A gateway has registered, with none of its interests yet.
    case gatewayAdded = 1
    /// A gateway and all its interests are gone.
    case gatewayRemoved = 2
    /// A gateway has its first subscriber of a topic.
    case interestAdded = 3
    /// A gateway has lost its last subscriber of a topic.
    case interestRemoved = 4
    /// Written by a gateway into a file that was removed or replaced: its readers must look at the path again.
    case moved = 5
    /// A gateway has changed its row.
    case gatewayChanged = 6
}
