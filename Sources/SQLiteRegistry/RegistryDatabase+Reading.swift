import Dispatch
import GRDB
package import SluiceCore
package import SubscriptionRegistry

extension RegistryDatabase {
    /// The gateways, oldest first, with or without a valid lease.
    /// - Throws: `RegistryError` when the file can't be read.
    package func gateways() throws(RegistryError) -> [GatewayRow] {
        try read("read gateways") { db in try RegistryQueries.gateways(db) }
    }

    /// The publishers, oldest first, with or without a valid lease.
    /// - Throws: `RegistryError` when the file can't be read.
    package func publishers() throws(RegistryError) -> [PublisherRow] {
        try read("read publishers") { db in
            let sql =
                "SELECT id, ops_address, queue, started_at, lease_expires_at FROM publishers ORDER BY started_at, id"
            return try Row.fetchAll(db, sql: sql).map { row in
                PublisherRow(
                    id: row[0],
                    operationsAddress: row[1],
                    queue: row[2],
                    startedAtNanoseconds: RegistryQueries.nanoseconds(row[3]),
                    leaseExpiresAtNanoseconds: RegistryQueries.nanoseconds(row[4])
                )
            }
        }
    }

    /// The newest connections of all gateways, newest first.
    ///
    /// They follow the gateways by up to `RegistryConfiguration.rowsDelayNanoseconds`.
    /// - Parameter limit: how many at most.
    /// - Returns: the connections, each with the number of its subscriptions.
    /// - Throws: `RegistryError` when the file can't be read.
    package func connections(limit: Int) throws(RegistryError) -> [ConnectionRow] {
        try read("read connections") { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT id, gateway_id, principal, remote_address, connected_at,
                        (SELECT count(*) FROM subscriptions WHERE connection_id = connections.id)
                    FROM connections WHERE gateway_id IN (SELECT id FROM gateways)
                    ORDER BY connected_at DESC, id LIMIT ?
                    """,
                arguments: [max(0, limit)]
            ).compactMap { row in
                guard let id = ConnectionID(row[0] as String) else { return nil }
                return ConnectionRow(
                    id: id,
                    gatewayID: GatewayID(row[1]),
                    principal: row[2],
                    remoteAddress: row[3],
                    connectedAtNanoseconds: RegistryQueries.nanoseconds(row[4]),
                    subscriptions: row[5]
                )
            }
        }
    }

    /// The topics that a connection is subscribed to, in the order of their names.
    /// - Throws: `RegistryError` when the file can't be read.
    package func topics(of connection: ConnectionID) throws(RegistryError) -> [Topic] {
        try read("read subscriptions") { db in
            try String.fetchAll(
                db,
                sql: "SELECT topic FROM subscriptions WHERE connection_id = ? ORDER BY topic",
                arguments: [connection.description]
            ).map(Topic.init(alreadyChecked:))
        }
    }

    /// How many rows of each kind there are.
    /// - Throws: `RegistryError` when the file can't be read.
    package func counts() throws(RegistryError) -> RegistryCounts {
        try read("count rows") { db in
            func count(_ sql: String) throws -> Int { try Int.fetchOne(db, sql: sql) ?? 0 }
            return RegistryCounts(
                gateways: try count("SELECT count(*) FROM gateways"),
                publishers: try count("SELECT count(*) FROM publishers"),
                connections: try count(
                    "SELECT count(*) FROM connections WHERE gateway_id IN (SELECT id FROM gateways)"
                ),
                subscriptions: try count("SELECT count(*) FROM subscriptions"),
                topics: try count(
                    "SELECT count(DISTINCT topic) FROM interests WHERE gateway_id IN (SELECT id FROM gateways)"
                )
            )
        }
    }
}

extension RegistryDatabase: PublisherRecording {
    /// Writes a publisher's row with a new lease and removes the rows of publishers whose lease has lapsed.
    ///
    /// To be called at the start and then every `RegistryConfiguration.renewalNanoseconds`.
    /// - Throws: `RegistryError` when the file can't be written.
    package func renew(_ publisher: PublisherRow) throws(RegistryError) {
        let now = file.configuration.wallNanoseconds()
        var publisher = publisher
        publisher.leaseExpiresAtNanoseconds = now &+ file.configuration.leaseNanoseconds
        try write("renew a publisher's lease") { [publisher] db in
            try RegistryStatements(db).renew(publisher, nowNanoseconds: now)
        }
    }

    /// Removes a publisher's row, at its end.
    /// - Throws: `RegistryError` when the file can't be written.
    package func remove(publisher id: String) throws(RegistryError) {
        try write("remove a publisher") { db in try RegistryStatements(db).remove(publisher: id) }
    }

    /// Removes gateways, each only if its lease is still the one given; what they have written is removed beside the caller, in
    /// transactions between which others write.
    /// - Returns: those that were removed.
    func remove(_ lapsed: [LeaseWatch.Lapse]) throws(RegistryError) -> [GatewayID] {
        let removed = try write("remove lapsed gateways") { db in
            let statements = RegistryStatements(db)
            let removed = try lapsed.filter { lapse in
                try statements.remove(lapse.gateway, ifLeaseIs: lapse.leaseExpiresAtNanoseconds)
            }
            return removed.map(\.gateway)
        }
        if !removed.isEmpty { removals.async { self.removeLeftovers() } }
        return removed
    }
}

/// Reads that more than one part needs, each inside the caller's transaction.
enum RegistryQueries {
    /// The gateways, oldest first.
    static func gateways(_ db: Database) throws -> [GatewayRow] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT id, name, link_address, http_address, ops_address, host_pid, started_at, lease_expires_at
                FROM gateways ORDER BY started_at, id
                """
        )
        return try Row.fetchAll(statement).map { row in
            GatewayRow(
                id: GatewayID(row[0]),
                name: row[1],
                linkAddress: row[2],
                httpAddress: row[3],
                operationsAddress: row[4],
                processID: row[5],
                startedAtNanoseconds: nanoseconds(row[6]),
                leaseExpiresAtNanoseconds: nanoseconds(row[7])
            )
        }
    }

    /// Reads a time as it was stored.
    static func nanoseconds(_ stored: Int64) -> UInt64 { UInt64(clamping: stored) }
}
