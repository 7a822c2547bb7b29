import ChangeQueue
import SluiceCore

/// A walk along a topic's chain that a subscribe waits for.
struct HistoryWalk: Sendable {
    /// The topic's place in the request.
    let entry: Int
    /// How far it has come.
    var walk: ChainWalk
}
