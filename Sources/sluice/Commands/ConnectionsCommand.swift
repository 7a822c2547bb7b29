import ArgumentParser
import NIOCore
import NIOPosix
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
                let snapshot = try await registry.connections(limit: limit, withTopics: topics)
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
    func connections(limit: Int, withTopics: Bool) async throws(RegistryError) -> ConnectionsReport {
        let rows = try registry.connections(limit: limit)
        var topics: [ConnectionID: [Topic]] = [:]
        if withTopics {
            for row in rows { topics[row.id] = try registry.topics(of: row.id) }
        }
        let (gateways, publishers) = (try gateways(), try publishers())
        return ConnectionsReport(
            gateways: gateways,
            publishers: publishers,
            silent: await SilentProcesses.among(gateways.map(\.httpAddress) + publishers.map(\.operationsAddress)),
            counts: try registry.counts(),
            connections: rows,
            topics: topics
        )
    }
}

/// Tells killed processes from running ones before their lease lapses: their numbers mean nothing in another container, their ports do.
enum SilentProcesses {
    private static let patience = TimeAmount.seconds(1)

    /// The addresses, `http://host:port`, where a connection is refused or times out.
    static func among(_ addresses: [String]) async -> Set<String> {
        await withTaskGroup(of: String?.self) { group in
            for address in addresses {
                group.addTask { await isSilent(address) ? address : nil }
            }
            return await group.reduce(into: []) { silent, address in if let address { silent.insert(address) } }
        }
    }

    private static func isSilent(_ address: String) async -> Bool {
        guard let target = try? BenchTarget(address) else { return false }
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(patience).connect(host: target.host, port: target.port).get()
            try? await channel.close()
            return false
        } catch {
            return true
        }
    }
}
