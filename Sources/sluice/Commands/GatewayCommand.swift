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
    @OptionGroup var gateway: GatewayFlags
    // The publisher's flag of that name is another setting, which a file for both gives it.
    @Option(help: ArgumentHelp("The same as --gateway-operations-port.", valueName: "number")) var operationsPort:
        String?
    @OptionGroup var child: ChildOptions

    func run() async throws {
        var gateway = gateway
        gateway.operations.gatewayOperationsPort = gateway.operations.gatewayOperationsPort ?? operationsPort
        let settings = try await common.settings(gateway.groups)
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
            // The one line on standard output: who started the process reads the address from it.
            service.onListening = { port in Terminal.write("listening \(configuration.address(listeningOn: port))\n") }
            try await ServiceRunner.run(service, isChild: child.untilStandardInputCloses, logger: logger) {
                [certificates = service.certificates] in
                certificates.now()
            }
        } catch {
            throw CommandError(error).told(by: logger, settings)
        }
    }
}
