import ArgumentParser
import LocalStorage
import Logging
import Publisher

/// `sluice publisher`: takes records from the log and fans them out to the gateways.
struct PublisherCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publisher",
        abstract: "Run a publisher: takes records from the log and delivers them to the gateways."
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup(title: "Storage and links") var storage: StorageOptions
    @OptionGroup(title: "TLS on links") var linkAuthority: LinkAuthorityOptions
    @OptionGroup(title: "Publisher") var publisher: PublisherOptions
    @OptionGroup var child: ChildOptions

    func run() async throws {
        let settings = try await common.settings([storage, linkAuthority, publisher])
        let logger = Logger(label: "sluice.publisher", settings)
        logger.report(settings, for: .publisher)
        do {
            let configuration = try PublisherConfiguration(settings)
            var service = Publisher(configuration: configuration, logger: logger)
            // The one line on standard output: who started the process reads the address from it.
            service.onRunning = { address in Terminal.write("listening \(address)\n") }
            try await ServiceRunner.run(service, isChild: child.untilStandardInputCloses, logger: logger)
        } catch {
            throw CommandError(error).told(by: logger, settings)
        }
    }
}
