import SluiceCore

/// One topic on one event loop: where it stands in the topic's chain and who gets its records.
struct TopicFeed {
    /// The topic.
    let topic: Topic
    /// The last record that was passed on, or that nobody here needs.
    var position = SequenceNumber.none
    /// The subscriptions, in no order.
    var subscriptions: [Subscription] = []
    /// Subscriptions that aren't held.
    var liveCount = 0
    /// The sweep that is on its way round the subscriptions; negative when there is none.
    var sweep: Int32 = -1
    /// Tells this feed from others that had its place.
    let number: UInt64
    /// How often subscriptions have changed places, because one was removed.
    var removals: UInt32 = 0
    /// Up to where the subscriptions have everything that have changed places since a sweep looked, the least of them.
    var leastMoved = Subscription.held

    /// What a sweep must know about the list that it goes round.
    struct Shape: Equatable {
        let feedNumber: UInt64
        let count: Int
        let removals: UInt32
        let leastMoved: SequenceNumber
    }

    /// A place that no topic has.
    static let free = TopicFeed(topic: Topic(alreadyChecked: ""), number: 0)

    /// Whether no topic has the place.
    var isFree: Bool { number == 0 }

    init(topic: Topic, number: UInt64) {
        self.topic = topic
        self.number = number
    }
}
