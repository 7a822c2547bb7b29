import ArgumentParser
import SQLiteRegistry
import SluiceCore
import SubscriptionRegistry

/// `sluice connections`: who is connected, to which gateway, with how many subscriptions.
struct ConnectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections",
        abstract: "List gateways, publishers and the newest client connections."
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var report: ReportOptions
    @Option(help: "Connections to list at most.") var limit = 50
    @Flag(help: "Name each connection's topics.") var topics = false

    func validate() throws {
        guard (0...1_000_000).contains(limit) else { throw ValidationError("--limit is a number from 0 to 1000000.") }
    }

    func run() async throws {
        let settings = try await common.settings()
        do {
            let registry = try RegistryView(settings)
            try await Watch.run(isOn: report.watch, isJSON: report.json) {
                let snapshot = try registry.connections(limit: limit, withTopics: topics)
                return report.json ? snapshot.json.text + "\n" : snapshot.table
            }
        } catch {
            throw CommandError(error)
        }
    }
}

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
