import GRDB
import SluiceCore
import SubscriptionRegistry

/// The interests that one transaction adds and removes.
struct InterestSlice {
    var added: [Topic] = []
    var removed: [Topic] = []
}

/// What one transaction of a gateway's writer does, and what it has found when it is committed.
struct WriterTransaction {
    private(set) var gateway: GatewayRow
    private(set) var renewAt: UInt64
    /// Whether the gateway's row was missing: it is written again, with all the interests.
    private(set) var hasRegistered = false
    private let isRegistered: Bool
    private let addressHasChanged: Bool
    private let feedRowsKept: Int64
    private var isDue = false

    init(gateway: GatewayRow, isRegistered: Bool, renewAt: UInt64, addressHasChanged: Bool, feedRowsKept: Int64) {
        self.gateway = gateway
        self.isRegistered = isRegistered
        self.renewAt = renewAt
        self.addressHasChanged = addressHasChanged
        self.feedRowsKept = feedRowsKept
    }

    /// Decides whether the lease is renewed in this transaction.
    mutating func time(_ nowNanoseconds: UInt64, _ configuration: RegistryConfiguration) {
        isDue = !isRegistered || nowNanoseconds >= renewAt
        guard isDue else { return }
        gateway.leaseExpiresAtNanoseconds = nowNanoseconds &+ configuration.leaseNanoseconds
        renewAt = nowNanoseconds &+ configuration.renewalNanoseconds
    }

    /// Writes.
    ///
    /// Nothing here changes the ledger: it hears of it after the commit.
    mutating func run(_ db: Database, ledger: GatewayLedger, interests: InterestSlice, rows: [RowWrite]) throws {
        let statements = RegistryStatements(db)
        hasRegistered = isDue
        if isDue, isRegistered {
            hasRegistered = try !statements.renew(gateway.id, until: gateway.leaseExpiresAtNanoseconds)
        }
        var newest: Int64 = 0
        if hasRegistered {
            try statements.insert(gateway)
            newest = try statements.insertInterests(ledger.topics, of: gateway.id)
        } else {
            newest = try statements.insertInterests(interests.added, of: gateway.id)
            newest = max(newest, try statements.removeInterests(interests.removed, of: gateway.id))
            if addressHasChanged { try statements.updateAddresses(gateway) }
        }
        if !rows.isEmpty { try statements.write(rows, of: gateway.id) }
        try statements.prune(newest: newest, kept: feedRowsKept)
    }
}
