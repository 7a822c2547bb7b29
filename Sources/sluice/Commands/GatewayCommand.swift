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
    @OptionGroup(title: "TLS") var tls: TLSOptions
    @OptionGroup(title: "Pages, proxies and paths") var access: AccessOptions
    @OptionGroup(title: "Limits by client") var limits: LimitOptions
    @OptionGroup(title: "Compression") var compression: CompressionOptions
    @OptionGroup(title: "TLS on links") var linkTLS: LinkTLSOptions
    @OptionGroup(title: "Operations of the gateway") var operations: GatewayOperationsOptions
    // The publisher's flag of that name is another setting, which a file for both gives it.
    @Option(help: ArgumentHelp("The same as --gateway-operations-port.", valueName: "number")) var operationsPort:
        String?
    @OptionGroup(title: "Message queues and topics") var queueAPI: QueueAPIOptions
    @OptionGroup(title: "Authorization") var authorizer: AuthorizerOptions
    @OptionGroup var child: ChildOptions

    func run() async throws {
        var operations = operations
        operations.gatewayOperationsPort = operations.gatewayOperationsPort ?? operationsPort
        let settings = try await common.settings(
            storage,
            gateway,
            access,
            tls,
            limits,
            compression,
            linkTLS,
            operations,
            queueAPI,
            authorizer
        )
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
