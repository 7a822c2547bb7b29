import ChangeQueue
import SluiceCore

/// One topic of a `subscribed` reply.
struct SubscribedTopic: Equatable, Sendable {
    /// What became of the history that was asked for.
    enum Resume: Equatable, Sendable {
        /// None was asked for.
        case none
        /// All of it comes.
        case recovered
        /// A part is gone; the rest comes.
        case gap(SequenceGap)
    }

    /// The topic.
    var topic: Topic
    /// Every record of the topic after this number comes.
    var sequence: SequenceNumber
    /// Whether the history before it is whole.
    var resume = Resume.none
}
