import Gateway
import Hummingbird
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
        let gateway = gateway(configuration, logger)
        let services = ServiceGroup(services: [gateway], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await services.run()
    }

    static func gateway(_ configuration: GatewayConfiguration, _ logger: Logger) -> Gateway {
        var gateway = Gateway(
            configuration: configuration,
            authorizer: TeamAuthorizer(),
            handlers: [PlaceOrder.handler],
            logger: logger
        )
        let router = Router()
        router.get("/") { _, _ in "The shop is open.\n" }
        gateway.mount(router.buildResponder())
        return gateway
    }
}
