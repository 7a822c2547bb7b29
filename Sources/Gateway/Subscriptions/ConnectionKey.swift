import SluiceCore

/// A connection's place in its loop's table with its id, since places are used again.
struct ConnectionKey: Hashable, Sendable {
    /// The place.
    let slot: Int
    /// The connection's id.
    let id: ConnectionID
}
