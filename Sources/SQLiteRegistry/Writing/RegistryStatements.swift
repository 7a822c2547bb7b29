import GRDB
import SluiceCore
import SubscriptionRegistry

/// The registry's writes, each inside the caller's transaction.
struct RegistryStatements {
    private let db: Database

    init(_ db: Database) { self.db = db }

    // MARK: - Gateways

    /// Puts a gateway into the registry, with no interests.
    func insert(_ gateway: GatewayRow) throws {
        try run(
            "INSERT OR REPLACE INTO gateways VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                gateway.id.rawValue, gateway.name, Int64(gateway.processID), gateway.linkAddress, gateway.httpAddress,
                gateway.operationsAddress,
                stored(gateway.startedAtNanoseconds), stored(gateway.leaseExpiresAtNanoseconds),
            ]
        )
        try ChangeFeed.append(.gatewayAdded, gateway: gateway.id, to: db)
    }

    /// Prolongs a gateway's lease.
    /// - Returns: false when its row is gone, and all its other rows with it.
    func renew(_ gateway: GatewayID, until leaseExpiresAt: UInt64) throws -> Bool {
        try run(
            "UPDATE gateways SET lease_expires_at = ? WHERE id = ?",
            [stored(leaseExpiresAt), gateway.rawValue]
        )
        return db.changesCount == 1
    }

    /// Changes the addresses that are shown for a gateway.
    func updateAddresses(_ gateway: GatewayRow) throws {
        try run(
            "UPDATE gateways SET http_address = ?, ops_address = ? WHERE id = ?",
            [gateway.httpAddress, gateway.operationsAddress, gateway.id.rawValue]
        )
        if db.changesCount == 1 { try ChangeFeed.append(.gatewayChanged, gateway: gateway.id, to: db) }
    }

    /// Removes a gateway: who follows the feed forgets it with all its interests.
    ///
    /// What it has written stays for ``removeRest(of:atMost:)``.
    func remove(_ gateway: GatewayID) throws {
        try run("DELETE FROM gateways WHERE id = ?", [gateway.rawValue])
        try ChangeFeed.append(.gatewayRemoved, gateway: gateway, to: db)
    }

    /// Removes some of what a gateway that was removed has left.
    /// - Returns: whether more may be left. Nothing is removed of a gateway that has registered again.
    func removeRest(of gateway: GatewayID, atMost limit: Int) throws -> Bool {
        let id = gateway.rawValue
        let known = try db.cachedStatement(sql: "SELECT 1 FROM gateways WHERE id = ?")
        guard try Bool.fetchOne(known, arguments: [id]) == nil else { return false }
        try run(
            """
            DELETE FROM interests WHERE gateway_id = ?
            AND topic IN (SELECT topic FROM interests WHERE gateway_id = ? LIMIT ?)
            """,
            [id, id, limit]
        )
        let interests = db.changesCount
        // A connection may have a thousand subscriptions.
        let some = try db.cachedStatement(sql: "SELECT id FROM connections WHERE gateway_id = ? LIMIT ?")
        let connections = try String.fetchAll(some, arguments: [id, max(1, limit / 100)])
        for connection in connections {
            try run("DELETE FROM subscriptions WHERE connection_id = ?", [connection])
            try run("DELETE FROM connections WHERE id = ?", [connection])
        }
        return interests > 0 || !connections.isEmpty
    }

    /// Gateways without a row that have left something: whoever removed them has ended before all of it was removed.
    func leavers() throws -> [GatewayID] {
        let ids = try String.fetchAll(
            db,
            sql: """
                SELECT gateway_id FROM interests WHERE gateway_id NOT IN (SELECT id FROM gateways)
                UNION SELECT gateway_id FROM connections WHERE gateway_id NOT IN (SELECT id FROM gateways)
                """
        )
        return ids.map { GatewayID($0) }
    }

    /// Removes a gateway if its lease is still the one that was seen to lapse.
    /// - Returns: whether it was removed.
    func remove(_ gateway: GatewayID, ifLeaseIs leaseExpiresAt: UInt64) throws -> Bool {
        let statement = try db.cachedStatement(sql: "SELECT 1 FROM gateways WHERE id = ? AND lease_expires_at = ?")
        let isUnchanged = try Bool.fetchOne(statement, arguments: [gateway.rawValue, stored(leaseExpiresAt)]) != nil
        guard isUnchanged else { return false }
        try remove(gateway)
        return true
    }

    /// The other gateways that nobody will miss: earlier runs under `name`, and those whose lease has lapsed.
    func abandoned(besides gateway: GatewayID, name: String, nowNanoseconds: UInt64) throws -> [GatewayID] {
        let statement = try db.cachedStatement(
            sql: "SELECT id FROM gateways WHERE id <> ? AND (name = ? OR lease_expires_at < ?)"
        )
        let ids = try String.fetchAll(statement, arguments: [gateway.rawValue, name, stored(nowNanoseconds)])
        return ids.map { GatewayID($0) }
    }

    // MARK: - Interests

    /// Says that the gateway has subscribers of `topics`.
    /// - Returns: the id of the last change, for ``prune(newest:kept:)``.
    func insertInterests(_ topics: some Collection<Topic>, of gateway: GatewayID) throws -> Int64 {
        let statement = try db.cachedStatement(sql: "INSERT OR IGNORE INTO interests VALUES (?, ?)")
        var newest: Int64 = 0
        for topic in topics {
            try statement.execute(arguments: [gateway.rawValue, topic.name])
            newest = try ChangeFeed.append(.interestAdded, gateway: gateway, topic: topic, to: db)
        }
        return newest
    }

    /// Says that the gateway has no more subscribers of `topics`.
    /// - Returns: the id of the last change, for ``prune(newest:kept:)``.
    func removeInterests(_ topics: some Collection<Topic>, of gateway: GatewayID) throws -> Int64 {
        let statement = try db.cachedStatement(sql: "DELETE FROM interests WHERE gateway_id = ? AND topic = ?")
        var newest: Int64 = 0
        for topic in topics {
            try statement.execute(arguments: [gateway.rawValue, topic.name])
            newest = try ChangeFeed.append(.interestRemoved, gateway: gateway, topic: topic, to: db)
        }
        return newest
    }

    /// Cuts the feed after changes were appended.
    func prune(newest: Int64, kept: Int64) throws {
        if newest > 0 { try ChangeFeed.prune(db, newest: newest, kept: kept) }
    }

    // MARK: - Connections and subscriptions

    /// Writes rows of a gateway's connections.
    func write(_ rows: [RowWrite], of gateway: GatewayID) throws {
        let insertConnection = try db.cachedStatement(sql: "INSERT OR REPLACE INTO connections VALUES (?, ?, ?, ?, ?)")
        let deleteSubscription = try db.cachedStatement(
            sql: "DELETE FROM subscriptions WHERE connection_id = ? AND topic = ?"
        )
        let insertSubscription = try db.cachedStatement(sql: "INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?)")
        for row in rows {
            switch row {
            case .insertConnection(let id, let principal, let remoteAddress, let at):
                try insertConnection.execute(
                    arguments: [id.description, gateway.rawValue, principal, remoteAddress, stored(at)]
                )
            case .insertSubscription(let id, let topic, let at):
                try insertSubscription.execute(arguments: [id.description, topic.name, stored(at)])
            case .deleteSubscription(let id, let topic):
                try deleteSubscription.execute(arguments: [id.description, topic.name])
            case .deleteConnection(let id):
                try run("DELETE FROM subscriptions WHERE connection_id = ?", [id.description])
                try run("DELETE FROM connections WHERE id = ?", [id.description])
            }
        }
    }

    // MARK: - Publishers

    /// Writes a publisher's row and removes those of publishers that are gone.
    func renew(_ publisher: PublisherRow, nowNanoseconds: UInt64) throws {
        try run(
            "INSERT OR REPLACE INTO publishers VALUES (?, ?, ?, ?, ?)",
            [
                publisher.id, publisher.operationsAddress, publisher.queue, stored(publisher.startedAtNanoseconds),
                stored(publisher.leaseExpiresAtNanoseconds),
            ]
        )
        try run("DELETE FROM publishers WHERE lease_expires_at < ?", [stored(nowNanoseconds)])
    }

    /// Removes a publisher's row.
    func remove(publisher id: String) throws {
        try run("DELETE FROM publishers WHERE id = ?", [id])
    }

    private func run(_ sql: String, _ arguments: StatementArguments) throws {
        try db.cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// SQLite's integers are signed; the clock reaches their end in the year 2262.
    private func stored(_ nanoseconds: UInt64) -> Int64 { Int64(clamping: nanoseconds) }
}
