/// Tells one subscribe of a topic by a connection from an earlier one, so that what was begun for that one doesn't touch
/// this one.
struct SubscriptionTicket: Hashable, Sendable {
    /// The topic's place in the loop's index.
    let feed: Int
    /// Unique on the loop.
    let number: UInt64
}
