import SluiceCore

/// A client's request to receive topics.
struct SubscribeMessage: Equatable, Sendable {
    /// One topic of it.
    struct Entry: Equatable, Sendable {
        /// The topic.
        var topic: Topic
        /// The last sequence number that the client knows: it first gets what came after it.
        ///
        /// Nil: only what comes from now on.
        var after: SequenceNumber?
    }

    /// The client's name for the message.
    var id: MessageID?
    /// The topics, each once, in the client's order.
    var entries: [Entry]
    /// How the topics' events shall come.
    var encoding: EventEncoding

    /// The topics in the client's order.
    var topics: [Topic] { entries.map(\.topic) }
}
