import ChangeQueue
public import Gateway
import LMDBLog
public import Logging
import SQLiteRegistry
import SluiceCore

extension Gateway {
    /// Makes a gateway whose log, registry and sockets are in `GatewayConfiguration.dataDirectory`; nothing is opened before `run()`.
    public init(
        configuration: GatewayConfiguration,
        authorizer: any Authorizer,
        handlers: [RequestHandler] = [],
        logger: Logger
    ) {
        self.init(
            configuration: configuration,
            authorizer: authorizer,
            handlers: handlers,
            drivers: { order in try GatewayDrivers.local(order) },
            logger: logger
        )
    }
}

extension GatewayDrivers {
    /// Opens, or makes, everything in the data directory: an LMDB log whose writer rings this machine's publishers, and a SQLite registry.
    /// - Throws: what couldn't be opened and why; `GatewayError` when another gateway of the name runs there.
    public static func local(_ order: Order) throws -> GatewayDrivers {
        let (configuration, directory) = (order.configuration, order.configuration.dataDirectory)
        let run = try RunDirectory(data: directory)
        // Held while the gateway runs: two of one name would remove each other's rows from the registry.
        guard let nameLock = try NameLock("\(configuration.name).gateway", in: run) else {
            throw GatewayError(
                .dataDirectory,
                "Another gateway named '\(configuration.name)' runs on \(directory). Give this one a --name of its own."
            )
        }
        var logConfiguration = order.log
        logConfiguration.directory = directory + "/log"
        let log = try ChangeLog.open(logConfiguration)
        let registry = try RegistryDatabase(path: directory + "/registry.sqlite", logger: order.logger)
        let writer = LogWriter(
            log: log,
            doorbell: DoorbellRinger(run),
            logger: order.logger,
            onRefusal: order.onRefusal,
            onGroupTrim: order.onGroupTrim
        )
        var drivers = GatewayDrivers(
            appending: writer,
            reading: writer,
            directory: { gateway in RegistryWriter(registry: registry, gateway: gateway) },
            socketPath: { name in run.path(forSocket: name) },
            restore: { try nameLock.restore() }
        )
        if configuration.offersQueueAPI {
            drivers.messageQueues = try LMDBMessageQueues(
                writer: writer,
                directory: directory + "/queues",
                logger: order.logger
            )
        }
        return drivers
    }
}
