import Gateway
import LocalStorage
import Logging
import ServiceLifecycle

@main
struct Shop {
    static func main() async throws {
        let logger = Logger(label: "shop")
        var configuration = GatewayConfiguration()
        configuration.dataDirectory = "/var/lib/shop"
        configuration.host = "0.0.0.0"
        let gateway = Gateway(
            configuration: configuration,
            authorizer: TeamAuthorizer(),
            handlers: [PlaceOrder.handler],
            logger: logger
        )
        let services = ServiceGroup(services: [gateway], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await services.run()
    }
}
