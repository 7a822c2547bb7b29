import GRDB
import SluiceCore
import SubscriptionRegistry

/// A publisher's own read connection.
///
/// It writes nothing, so that `PRAGMA data_version` tells it of everybody's commits, and it keeps no transaction open
/// between calls, so that it never holds up a checkpoint.
final class RegistryReader {
    /// Everything that a publisher needs, as of one commit.
    struct Snapshot {
        let newestChange: Int64
        let gateways: [GatewayRow]
        let interests: [(gateway: GatewayID, topic: Topic)]
    }

    let connection: RegistryConnection
    private let dataVersionStatement: Statement

    /// Opens the registry's file, and makes it when it has been removed.
    init(_ file: RegistryFile) throws {
        let maker = try file.open(replacing: .damageOnly)
        // Kept until the reader is open: SQLite removes the log and its index with the last connection.
        connection = try withExtendedLifetime(maker) { try file.openForReading() }
        dataVersionStatement = try connection.database.unsafeRead { db in
            try db.makeStatement(sql: "PRAGMA data_version")
        }
    }

    /// A number that changes with every commit to the file.
    func dataVersion() throws -> Int64 {
        // Not `read`, which would put a transaction around it. The queue is this object's alone: its lock is never contended, and the
        // closure runs on this thread.
        try connection.database.unsafeReentrantRead { _ in try Int64.fetchOne(dataVersionStatement) ?? 0 }
    }

    /// The changes after `id`; nil when some of them have been pruned.
    func changes(after id: Int64) throws -> [FeedEntry]? {
        try connection.database.read { db in try ChangeFeed.entries(after: id, in: db) }
    }

    /// The gateways with their leases.
    func gateways() throws -> [GatewayRow] {
        try connection.database.read { db in try RegistryQueries.gateways(db) }
    }

    /// Everything.
    func snapshot() throws -> Snapshot {
        try connection.database.read { db in
            var interests: [(gateway: GatewayID, topic: Topic)] = []
            let rows = try Row.fetchCursor(
                db,
                sql: "SELECT gateway_id, topic FROM interests WHERE gateway_id IN (SELECT id FROM gateways)"
            )
            while let row = try rows.next() {
                interests.append((GatewayID(row[0]), Topic(alreadyChecked: row[1])))
            }
            return Snapshot(
                newestChange: try ChangeFeed.newest(db),
                gateways: try RegistryQueries.gateways(db),
                interests: interests
            )
        }
    }
}
