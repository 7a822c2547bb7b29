import GRDB
import SubscriptionRegistry

/// The registry's tables.
///
/// Times are wall-clock nanoseconds since 1970; ids are text, so that `sqlite3 registry.sqlite` shows what the logs
/// name.
enum Schema {
    /// Kept in `PRAGMA user_version`.
    ///
    /// There are no migrations: everything in the registry can be rebuilt by the gateways, so that a file of another
    /// version is set aside.
    static let version = 3

    private static let statements = """
        CREATE TABLE gateways (
            id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, host_pid INTEGER NOT NULL, link_address TEXT NOT NULL,
            http_address TEXT NOT NULL, ops_address TEXT NOT NULL, started_at INTEGER NOT NULL,
            lease_expires_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE connections (
            id TEXT NOT NULL PRIMARY KEY, gateway_id TEXT NOT NULL, principal TEXT, remote_address TEXT NOT NULL,
            connected_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE subscriptions (
            connection_id TEXT NOT NULL, topic TEXT NOT NULL, subscribed_at INTEGER NOT NULL,
            PRIMARY KEY (connection_id, topic)
        ) WITHOUT ROWID;
        -- A row says that the gateway has at least one subscriber of the topic. The publisher reads only this table.
        CREATE TABLE interests (
            gateway_id TEXT NOT NULL, topic TEXT NOT NULL, PRIMARY KEY (gateway_id, topic)
        ) WITHOUT ROWID;
        -- Changes to gateways and interests. AUTOINCREMENT: an id is never used twice, even when the feed was pruned.
        CREATE TABLE changes (
            id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, gateway_id TEXT NOT NULL, topic TEXT
        );
        CREATE TABLE publishers (
            id TEXT NOT NULL PRIMARY KEY, ops_address TEXT NOT NULL, queue TEXT NOT NULL, started_at INTEGER NOT NULL,
            lease_expires_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        """

    /// What stands in a file.
    enum State: Equatable {
        case empty
        case current
        case foreign(version: Int)
    }

    /// Looks at the version and, if there is none, whether there are tables at all.
    static func state(_ db: Database) throws -> State {
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        if found == version { return .current }
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'") ?? 0
        return found == 0 && tables == 0 ? .empty : .foreign(version: found)
    }

    /// Makes the tables in an empty file.
    static func create(_ db: Database) throws {
        try db.inTransaction(.immediate) {
            try db.execute(sql: statements)
            try db.execute(sql: "PRAGMA user_version = \(version)")
            return .commit
        }
    }

    /// Reads the whole file once; damage that a machine crash has left is found here and not by a client's request.
    static func check(_ db: Database) throws {
        let answer = try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
        guard answer == "ok" else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: answer) }
    }
}
