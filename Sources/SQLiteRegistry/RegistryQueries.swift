import GRDB
import SluiceCore
import SubscriptionRegistry

/// Reads that more than one part needs, each inside the caller's transaction.
enum RegistryQueries {
    /// The gateways, oldest first.
    static func gateways(_ db: Database) throws -> [GatewayRow] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT id, name, link_address, http_address, host_pid, started_at, lease_expires_at
                FROM gateways ORDER BY started_at, id
                """
        )
        return try Row.fetchAll(statement).map { row in
            GatewayRow(
                id: GatewayID(row[0]),
                name: row[1],
                linkAddress: row[2],
                httpAddress: row[3],
                processID: row[4],
                startedAtNanoseconds: nanoseconds(row[5]),
                leaseExpiresAtNanoseconds: nanoseconds(row[6])
            )
        }
    }

    /// Reads a time as it was stored.
    static func nanoseconds(_ stored: Int64) -> UInt64 { UInt64(clamping: stored) }
}
