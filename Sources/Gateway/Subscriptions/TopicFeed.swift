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
    /// The turn's batch of this topic, while one is being gathered.
    var batch: Int32 = -1

    init(topic: Topic) { self.topic = topic }
}
