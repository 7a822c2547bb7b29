package import QueueEngine

/// Where topics are kept, beside the message queues that their messages go to.
package protocol TopicStore: MessageQueueStore {
    /// The topic of a name; nil when there is none.
    func topic(_ name: TopicName) throws(QueueError) -> MessageTopic?

    /// Topics in the order of their names, from behind `name`.
    func topics(after name: TopicName?, maximum: Int) throws(QueueError) -> [MessageTopic]

    /// A subscription of a topic; nil when there is none.
    func subscription(_ id: MessageID, of name: TopicName) throws(QueueError) -> TopicSubscription?

    /// A topic's subscriptions in the order of their ids, from behind `id`.
    func subscriptions(
        of topic: MessageTopic,
        after id: MessageID?,
        maximum: Int
    ) throws(QueueError) -> [TopicSubscription]

    /// The subscriptions over HTTP that have messages, whether or not somebody holds them.
    func waitingDeliveries() throws(QueueError) -> [WaitingDeliveries]
}

/// A subscription over HTTP that has messages.
package struct WaitingDeliveries: Hashable, Sendable {
    /// The number of its queue.
    package let queue: UInt32
    /// The newest ordinal there.
    package let lastOrdinal: UInt64
    /// Its topic.
    package let topic: TopicName
    /// Its id.
    package let subscription: MessageID

    package init(queue: UInt32, lastOrdinal: UInt64, topic: TopicName, subscription: MessageID) {
        self.queue = queue
        self.lastOrdinal = lastOrdinal
        self.topic = topic
        self.subscription = subscription
    }
}
