import ChangeQueue
import LMDBLog
public import Logging
public import Publisher
import SQLiteRegistry
import SluiceCore

extension Publisher {
    /// Makes a publisher of the log in `PublisherConfiguration.dataDirectory`; nothing is opened before `run()`.
    public init(configuration: PublisherConfiguration, logger: Logger) {
        self.init(
            configuration: configuration,
            drivers: { configuration, logger in try PublisherDrivers.local(configuration, logger) },
            logger: logger
        )
    }
}

extension PublisherDrivers {
    /// Opens, or makes, everything in the data directory, so that gateway and publisher may start in any order.
    /// - Throws: what couldn't be opened and why.
    public static func local(_ configuration: PublisherConfiguration, _ logger: Logger) throws -> PublisherDrivers {
        let directory = configuration.dataDirectory
        let run = try RunDirectory(data: directory)
        var logConfiguration = ChangeLogConfiguration()
        logConfiguration.directory = directory + "/log"
        logConfiguration.mapSizeBytes = configuration.logMapSizeBytes
        let log = try ChangeLog.open(logConfiguration, appends: false)
        var attributes = configuration.semantics.attributes
        attributes.visibilityTimeout = configuration.visibilityTimeout
        attributes.retryMinimum = configuration.retryMinimum
        attributes.retryMaximum = configuration.retryMaximum
        let queue = try ChangeQueues.open(
            configuration.semantics.queueID,
            attributes,
            log: log,
            directory: directory + "/consumers",
            run: run,
            logger: logger
        )
        let registry = try RegistryDatabase(path: directory + "/registry.sqlite")
        return PublisherDrivers(
            queue: queue,
            bell: try Doorbell(run),
            registry: try SubscriptionIndex(registry: registry)
        )
    }
}
