import SluiceCore

/// A subscription that was live and must catch up from the log.
struct HeldSubscription {
    /// The connection's place.
    let connection: Int
    /// The topic.
    let topic: Topic
    /// The subscription.
    let ticket: SubscriptionTicket
    /// The client has everything up to here.
    let sent: SequenceNumber
    /// How its events come.
    let encoding: EventEncoding
}
