import ArgumentParser
import Gateway
import LocalStorage
import Logging

/// `sluice gateway`: owns client connections and serves the HTTP API.
struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Run a gateway: client connections, WebSocket and HTTP API."
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup(title: "Storage and links") var storage: StorageOptions
    @OptionGroup(title: "Gateway") var gateway: GatewayOptions
    @OptionGroup(title: "Pages, proxies and paths") var access: AccessOptions
    @OptionGroup(title: "Message queues and topics") var queueAPI: QueueAPIOptions
    @OptionGroup(title: "Authorization") var authorizer: AuthorizerOptions
    @OptionGroup var child: ChildOptions

    func run() async throws {
        let settings = try await common.settings(storage, gateway, access, queueAPI, authorizer)
        let logger = Logger(label: "sluice.gateway", settings)
        logger.report(settings, for: .gateway)
        do {
            let configuration = try GatewayConfiguration(settings)
            let access = try AuthorizerConfiguration(settings)
            var service = Gateway(
                configuration: configuration,
                authorizer: try await access.makeAuthorizer(logger: logger),
                logger: logger
            )
            let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
            let prefix =
                configuration.pathPrefix.hasSuffix("/")
                ? String(configuration.pathPrefix.dropLast()) : configuration.pathPrefix
            // The one line on standard output: who started the process reads the address from it.
            service.onListening = { port in Terminal.write("listening http://\(host):\(port)\(prefix)\n") }
            try await ServiceRunner.run(service, isChild: child.untilStandardInputCloses, logger: logger)
        } catch {
            throw CommandError(error).told(by: logger, settings)
        }
    }
}
