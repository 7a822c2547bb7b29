public import SluiceCore

/// A change of topics that the log's writer makes in its commit.
public enum TopicChange: Sendable {
    /// Makes a topic with attributes by AWS's names; one that is there and has these is left as it is.
    case create(TopicName, [(name: ByteString, value: String)])
    /// Sets a topic's attributes.
    case configure(TopicName, [(name: ByteString, value: String)])
    /// Removes a topic with its subscriptions; one that isn't there isn't missed (API reference, "DeleteTopic").
    case delete(TopicName)
    /// Makes a subscription; one of that protocol and endpoint that is there is left as it is.
    case subscribe(TopicName, SubscriptionProtocol, endpoint: String, [(name: ByteString, value: String)])
    /// Has a subscription get messages from now on, by its token, or by its id for whoever may read the log anyway.
    case confirm(TopicName, ConfirmationKey)
    /// Sets a subscription's attributes.
    case configureSubscription(TopicName, MessageID, [(name: ByteString, value: String)])
    /// Removes a subscription, with what waits for it; one that isn't there isn't missed (API reference, "Unsubscribe").
    case unsubscribe(TopicName, MessageID)
    /// Stores messages for every subscription that takes them, all or none.
    case publish(TopicName, [TopicMessage])

    /// What waits in memory until it is stored, bytes.
    var pendingBytes: Int {
        switch self {
        case .create(_, let values), .configure(_, let values), .configureSubscription(_, _, let values),
            .subscribe(_, _, _, let values):
            values.reduce(4_096) { $0 + $1.name.count + $1.value.utf8.count }
        case .publish(_, let messages): messages.reduce(1_024) { $0 + $1.pendingBytes }
        case .delete, .confirm, .unsubscribe: 1_024
        }
    }
}

/// What a subscription is confirmed by.
public enum ConfirmationKey: Sendable {
    /// The token that its endpoint was sent.
    case token(String)
    /// Its id.
    case id(MessageID)
}

/// What a ``TopicChange`` did.
public enum TopicOutcome: Sendable {
    /// The topic as it is now.
    case topic(MessageTopic)
    /// The subscription as it is now.
    case subscription(TopicSubscription)
    /// What was there is removed: the numbers of subscriptions' queues whose messages are to be discarded.
    case removed(queues: [UInt32])
    /// The messages are stored.
    case published(TopicPublication)
}

/// Where a publish went.
public struct TopicPublication: Hashable, Sendable {
    /// How many messages each queue got, by its number.
    public package(set) var queues: [UInt32: Int] = [:]
    /// Messages that subscriptions' queues of their own got, for deliveries over HTTP.
    public package(set) var forHTTP = 0
    /// Change records that were appended.
    public package(set) var records = 0
    /// Messages that went to the dead letters of a subscription whose endpoint is gone or can't take them.
    public package(set) var deadLetters = 0
    /// Messages that nobody got for that reason.
    public package(set) var dropped = 0
    /// The sequence number of the first message, to a FIFO topic; the others' follow it.
    public package(set) var firstSequence: UInt64?
    /// One of those endpoints.
    public package(set) var deadEndpoint: String?

    /// Nothing yet.
    public init() {}

    /// Whether a queue got something.
    package var storesMessages: Bool { !queues.isEmpty }
}
