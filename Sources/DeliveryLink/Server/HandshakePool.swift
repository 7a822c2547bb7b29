import SluiceCore

/// The connections whose handshake isn't done, each with a place until it is, bounded: when there is no place for one more, the oldest has to go.
///
/// A stranger can't be told from a publisher before the proof. So nobody is kept out for what others do: a publisher gets in as long as its
/// handshake takes less time than its neighbours need to fill the places. The oldest of the address with the most places goes, so that a flood from
/// one address takes nothing from another.
struct HandshakePool<Connection> {
    private struct Place {
        let id: ObjectIdentifier
        let connection: Connection
        let origin: ByteString
    }

    private let places: Int
    /// In the order in which they came.
    private var taken: [Place] = []

    /// A pool with so many places, at least one.
    init(places: Int) { self.places = max(1, places) }

    /// Everyone in it, the oldest first.
    var all: [Connection] { taken.map(\.connection) }

    /// Gives a connection a place.
    /// - Returns: the connection that had to go for it.
    mutating func enter(_ id: ObjectIdentifier, _ connection: Connection, from origin: String) -> Connection? {
        let displaced = taken.count < places ? nil : taken.remove(at: nextOut).connection
        taken.append(Place(id: id, connection: connection, origin: ByteString(origin)))
        return displaced
    }

    /// A connection has proven itself, or is gone.
    /// - Returns: it, if it had a place.
    @discardableResult mutating func leave(_ id: ObjectIdentifier) -> Connection? {
        guard let position = taken.firstIndex(where: { $0.id == id }) else { return nil }
        return taken.remove(at: position).connection
    }

    private var nextOut: Int {
        var counts: [ByteString: Int] = [:]
        for place in taken { counts[place.origin, default: 0] += 1 }
        let most = counts.values.max() ?? 0
        return taken.firstIndex { counts[$0.origin] == most } ?? 0
    }
}
