import GRDB
import SluiceCore
import SubscriptionRegistry

/// The feed of changes to gateways and interests: appended in the transaction that makes the change, read by id, and pruned.
enum ChangeFeed {
    /// Appends one change.
    /// - Returns: its id.
    @discardableResult
    static func append(_ kind: FeedKind, gateway: GatewayID, topic: Topic? = nil, to db: Database) throws -> Int64 {
        let statement = try db.cachedStatement(sql: "INSERT INTO changes (kind, gateway_id, topic) VALUES (?, ?, ?)")
        try statement.execute(arguments: [kind.rawValue, gateway.rawValue, topic?.name])
        return db.lastInsertedRowID
    }

    /// Removes all but the newest `kept` rows, once twice as many are there, so that pruning is rare and its cost small beside the writes.
    static func prune(_ db: Database, newest: Int64, kept: Int64) throws {
        guard let oldest = try Int64.fetchOne(db.cachedStatement(sql: "SELECT min(id) FROM changes")) else { return }
        guard newest &- oldest >= kept &* 2 else { return }
        try db.cachedStatement(sql: "DELETE FROM changes WHERE id <= ?").execute(arguments: [newest &- kept])
    }

    /// The newest id that was ever given, also when its row is pruned.
    static func newest(_ db: Database) throws -> Int64 {
        try Int64.fetchOne(db.cachedStatement(sql: "SELECT seq FROM sqlite_sequence WHERE name = 'changes'")) ?? 0
    }

    /// The changes after `id`, oldest first; nil when some of them have been pruned.
    static func entries(after id: Int64, in db: Database) throws -> [FeedEntry]? {
        let statement = try db.cachedStatement(
            sql: "SELECT id, kind, gateway_id, topic FROM changes WHERE id > ? ORDER BY id"
        )
        var entries: [FeedEntry] = []
        let rows = try Row.fetchCursor(statement, arguments: [id])
        while let row = try rows.next() {
            let topic: String? = row[3]
            entries.append(
                FeedEntry(
                    id: row[0],
                    kind: FeedKind(rawValue: row[1]),
                    gateway: GatewayID(row[2]),
                    topic: topic.map(Topic.init(alreadyChecked:))
                )
            )
        }
        // Ids are given one by one, in the transaction that appends, so that a jump means pruned rows.
        if let first = entries.first { return first.id == id &+ 1 ? entries : nil }
        return try newest(db) == id ? entries : nil
    }
}

/// A row of the change feed.
struct FeedEntry: Equatable {
    let id: Int64
    /// Nil for a kind that this version doesn't know.
    let kind: FeedKind?
    let gateway: GatewayID
    let topic: Topic?
}

/// What a row of the change feed says.
///
/// The numbers stand in the file.
enum FeedKind: Int {
    /// A gateway has registered, with none of its interests yet.
    case gatewayAdded = 1
    /// A gateway and all its interests are gone.
    case gatewayRemoved = 2
    /// A gateway has its first subscriber of a topic.
    case interestAdded = 3
    /// A gateway has lost its last subscriber of a topic.
    case interestRemoved = 4
    /// Written by a gateway into a file that was removed or replaced: its readers must look at the path again.
    case moved = 5
    /// A gateway has changed its row.
    case gatewayChanged = 6
}
