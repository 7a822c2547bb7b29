import SluiceCore
import SubscriptionRegistry

/// What a gateway's connections are subscribed to, and how far the file is behind it.
///
/// A pure value: the writer applies events to it, writes what it says is missing, and tells it what was committed.
///
/// Interests (which topics have a subscriber here) are what a subscribe's reply waits for and what publishers read. The rows of connections and
/// subscriptions are for people; nothing waits for them, and they follow in larger groups.
struct GatewayLedger {
    private struct Connection {
        var principal: String?
        var remoteAddress: String
        var connectedAtNanoseconds: UInt64
        /// When each topic was subscribed to, wall nanoseconds.
        var topics: [Topic: UInt64] = [:]
    }

    private var connections: [ConnectionID: Connection] = [:]
    private var subscribers: [Topic: Int] = [:]
    /// Topics whose interest the file holds.
    private var written: Set<Topic> = []
    /// Topics with subscribers whose interest the file doesn't hold.
    private(set) var missing: Set<Topic> = []
    /// Topics without subscribers whose interest the file still holds: it costs a publisher a delivery in vain and nothing else.
    private(set) var stale: Set<Topic> = []
    private var backlog = RowBacklog()

    /// Whether there is something to write that nobody waits for.
    var isBehind: Bool { !backlog.isEmpty || !stale.isEmpty }
    /// Every topic with a subscriber.
    var topics: some Collection<Topic> { subscribers.keys }
    /// Connections that are open.
    var connectionCount: Int { connections.count }

    /// Whether the file holds the interest of every one of `topics`.
    func areWritten(_ topics: [Topic]) -> Bool { topics.allSatisfy { written.contains($0) } }

    // MARK: - Events

    /// A client has connected.
    mutating func connected(_ id: ConnectionID, principal: String?, remoteAddress: String, atNanoseconds: UInt64) {
        guard connections[id] == nil else { return }
        connections[id] = Connection(
            principal: principal,
            remoteAddress: remoteAddress,
            connectedAtNanoseconds: atNanoseconds
        )
        backlog.connected(id)
    }

    /// A client wants events of topics.
    /// - Returns: those that it wasn't subscribed to, or nil when the connection isn't known.
    mutating func subscribe(_ id: ConnectionID, to topics: [Topic], atNanoseconds: UInt64) -> [Topic]? {
        guard connections[id] != nil else { return nil }
        var added: [Topic] = []
        for topic in topics where connections[id]?.topics.updateValue(atNanoseconds, forKey: topic) == nil {
            added.append(topic)
            backlog.subscribed(id, topic)
            retain(topic)
        }
        return added
    }

    /// A client wants no more events of topics; those that it isn't subscribed to are left alone.
    mutating func unsubscribe(_ id: ConnectionID, from topics: [Topic]) {
        for topic in topics where connections[id]?.topics.removeValue(forKey: topic) != nil {
            backlog.unsubscribed(id, topic)
            release(topic)
        }
    }

    /// A client is gone.
    mutating func disconnected(_ id: ConnectionID) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        for topic in connection.topics.keys { release(topic) }
        backlog.disconnected(id)
    }

    private mutating func retain(_ topic: Topic) {
        let count = subscribers[topic, default: 0]
        subscribers[topic] = count + 1
        guard count == 0 else { return }
        if written.contains(topic) { stale.remove(topic) } else { missing.insert(topic) }
    }

    private mutating func release(_ topic: Topic) {
        guard let count = subscribers[topic] else { return }
        guard count == 1 else {
            subscribers[topic] = count - 1
            return
        }
        subscribers[topic] = nil
        missing.remove(topic)
        // The element of `written`, not `topic`: equal strings may differ in their bytes, and the file compares bytes.
        if let index = written.firstIndex(of: topic) { stale.insert(written[index]) }
    }

    // MARK: - Commits

    /// Interests that were missing have been committed.
    mutating func wrote(_ topics: some Sequence<Topic>) {
        for topic in topics {
            written.insert(topic)
            missing.remove(topic)
        }
    }

    /// All that were missing have been committed.
    mutating func wroteMissing() {
        written.formUnion(missing)
        missing = []
    }

    /// Interests that were stale have been removed.
    mutating func removed(_ topics: some Sequence<Topic>) {
        for topic in topics {
            written.remove(topic)
            stale.remove(topic)
        }
    }

    /// The file has been lost or this gateway's rows were removed: everything is missing.
    mutating func forgetWritten() {
        written = []
        stale = []
        missing = Set(subscribers.keys)
        backlog.removeAll()
        for (id, connection) in connections {
            backlog.connected(id)
            for topic in connection.topics.keys { backlog.subscribed(id, topic) }
        }
    }

    /// Takes about `limit` rows of connections that differ from the file.
    mutating func takeRows(_ limit: Int) -> [ConnectionID: RowBacklog.Entry] { backlog.removeFirst(rows: limit) }

    /// Puts back what couldn't be written.
    mutating func putBack(_ taken: [ConnectionID: RowBacklog.Entry]) { backlog.putBack(taken) }

    /// The writes that bring the file up to date for what was taken.
    func writes(for taken: [ConnectionID: RowBacklog.Entry]) -> [RowWrite] {
        var writes: [RowWrite] = []
        for (id, entry) in taken {
            if entry.connection == .delete { writes.append(.deleteConnection(id)) }
            guard let connection = connections[id] else { continue }
            if entry.connection == .insert {
                writes.append(
                    .insertConnection(
                        id,
                        principal: connection.principal,
                        remoteAddress: connection.remoteAddress,
                        atNanoseconds: connection.connectedAtNanoseconds
                    )
                )
            }
            for (topic, change) in entry.topics {
                switch change {
                case .insert:
                    writes.append(.insertSubscription(id, topic, atNanoseconds: connection.topics[topic] ?? 0))
                case .delete: writes.append(.deleteSubscription(id, topic))
                }
            }
        }
        return writes
    }
}
