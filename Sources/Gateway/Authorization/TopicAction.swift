/// What a client wants to do with a topic.
public enum TopicAction: String, CaseIterable, Hashable, Sendable {
    /// Receive the topic's records, live or from its history.
    case subscribe
    /// Append a record to the topic.
    case publish
}
