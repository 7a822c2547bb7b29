import ChangeQueue
import SluiceCore

/// A walk along a topic's chain that a subscribe waits for.
struct HistoryWalk: Equatable, Sendable {
    /// The topic's place in the request.
    let entry: Int
    /// The topic.
    let topic: Topic
    /// Where to start.
    let head: SequenceNumber
    /// What is known already.
    let after: SequenceNumber
}
