import SluiceCore
import SubscriptionRegistry

/// Which connections and subscriptions differ from what the file holds: the last change of each, so that what comes and goes between
/// two transactions is hardly written at all.
struct RowBacklog {
    /// What is to be done with a row.
    enum Change: Equatable, Sendable {
        case insert
        case delete
    }

    /// What is to be written of one connection.
    struct Entry: Equatable, Sendable {
        var connection: Change?
        var topics: [Topic: Change] = [:]

        /// About how many rows its writing touches; a connection that goes takes its subscriptions with it.
        var rows: Int { (connection == .delete ? Entry.rowsOfDeparture : 1) + topics.count }

        private static let rowsOfDeparture = 50
    }

    private var entries: [ConnectionID: Entry] = [:]

    /// Whether the file holds everything.
    var isEmpty: Bool { entries.isEmpty }

    mutating func connected(_ id: ConnectionID) {
        entries[id, default: Entry()].connection = .insert
    }

    mutating func disconnected(_ id: ConnectionID) {
        if entries[id]?.connection == .insert {
            // Its rows were never written: a connection and its subscriptions are written in one transaction.
            entries[id] = nil
        } else {
            entries[id] = Entry(connection: .delete)
        }
    }

    mutating func subscribed(_ id: ConnectionID, _ topic: Topic) {
        entries[id, default: Entry()].topics[topic] = .insert
    }

    mutating func unsubscribed(_ id: ConnectionID, _ topic: Topic) {
        entries[id, default: Entry()].topics[topic] = .delete
    }

    mutating func removeAll() { entries = [:] }

    /// Takes what is to be written of some connections: about `limit` rows, and one connection at least unless the limit is 0.
    mutating func removeFirst(rows limit: Int) -> [ConnectionID: Entry] {
        var taken: [ConnectionID: Entry] = [:]
        var rows = 0
        for (id, entry) in entries {
            guard rows < limit else { break }
            taken[id] = entry
            rows += entry.rows
        }
        guard taken.count < entries.count else {
            // Its memory goes with it.
            entries = [:]
            return taken
        }
        for id in taken.keys { entries[id] = nil }
        return taken
    }

    /// Puts back what was taken and couldn't be written.
    ///
    /// Nothing may have changed in between.
    mutating func putBack(_ taken: [ConnectionID: Entry]) {
        entries.merge(taken) { current, _ in current }
    }
}

/// One row to write of a gateway's connections and subscriptions.
///
/// Writing it twice does no harm.
enum RowWrite: Equatable, Sendable {
    case insertConnection(ConnectionID, principal: String?, remoteAddress: String, atNanoseconds: UInt64)
    /// With all its subscriptions.
    case deleteConnection(ConnectionID)
    case insertSubscription(ConnectionID, Topic, atNanoseconds: UInt64)
    case deleteSubscription(ConnectionID, Topic)
}
