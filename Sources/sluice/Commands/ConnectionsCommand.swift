import ArgumentParser
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
