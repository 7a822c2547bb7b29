import SQLiteRegistry
import SluiceCore
import SubscriptionRegistry

/// The registry as the commands see it: opened for reading only.
struct RegistryView {
    private let registry: RegistryDatabase

    /// Opens the registry of the data directory.
    /// - Throws: ``RegistryError`` when there is none or it can't be read.
    init(_ settings: Settings) throws(RegistryError) {
        registry = try RegistryDatabase.openReadOnly(
            path: settings.text(.data, otherwise: "./sluice-data") + "/registry.sqlite"
        )
    }

    /// The gateways whose lease is valid.
    func gateways() throws(RegistryError) -> [GatewayRow] {
        let now = StageClock.wallNanoseconds()
        return try registry.gateways().filter { $0.leaseExpiresAtNanoseconds >= now }
    }

    /// The publishers whose lease is valid.
    func publishers() throws(RegistryError) -> [PublisherRow] {
        let now = StageClock.wallNanoseconds()
        return try registry.publishers().filter { $0.leaseExpiresAtNanoseconds >= now }
    }

    /// Everything that `sluice connections` shows.
    func connections(limit: Int, withTopics: Bool) throws(RegistryError) -> ConnectionsReport {
        let rows = try registry.connections(limit: limit)
        var topics: [ConnectionID: [Topic]] = [:]
        if withTopics {
            for row in rows { topics[row.id] = try registry.topics(of: row.id) }
        }
        return ConnectionsReport(
            gateways: try gateways(),
            publishers: try publishers(),
            counts: try registry.counts(),
            connections: rows,
            topics: topics
        )
    }
}
