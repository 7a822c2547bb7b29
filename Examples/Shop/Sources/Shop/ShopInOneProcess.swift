import Gateway
import LocalStorage
import Logging
import Publisher
import ServiceLifecycle

extension Shop {
    /// Gateway and publisher together, on a free port; `onListening` is told which.
    static func inOneProcess(
        dataDirectory: String,
        onListening: @escaping @Sendable (_ port: Int) async -> Void
    ) -> ServiceGroup {
        let logger = Logger(label: "shop")
        var configuration = GatewayConfiguration()
        configuration.dataDirectory = dataDirectory
        configuration.port = 0
        var gateway = gateway(configuration, logger)
        gateway.onListening = onListening
        let publisher = Publisher(configuration: PublisherConfiguration(dataDirectory: dataDirectory), logger: logger)
        return ServiceGroup(services: [gateway, publisher], logger: logger)
    }
}
