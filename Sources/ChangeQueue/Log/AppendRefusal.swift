/// The limits of the log that an append can meet; the raw values label the metric.
public enum AppendRefusal: String, Error, CaseIterable, Hashable, Sendable {
    /// Records take all that the map has for them.
    case logFull = "log_full"
    /// Items take all that the map has for them.
    case itemsFull = "items_full"
    /// The items that a principal has written take all that one principal may.
    case principalItems = "principal_items"
    /// The table of topics is full.
    case topicsFull = "topics_full"
    /// A principal has begun as many of the topics as one may.
    case principalTopics = "principal_topics"
    /// A principal begins new topics faster than one may.
    case topicRate = "topic_rate"

    /// The code of the error that the caller gets.
    package var code: ChangeQueueError.Code {
        switch self {
        case .logFull: .queueFull
        case .itemsFull, .principalItems: .itemQuotaExceeded
        case .topicsFull, .principalTopics, .topicRate: .tooManyTopics
        }
    }
}
