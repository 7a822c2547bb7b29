import ChangeQueue
import Logging
import SluiceCore
import SubscriptionRegistry

/// What a publisher opens in the data directory that it shares with the gateways.
struct PublisherStorage {
    let log: ChangeLog
    let queue: any ChangeQueue
    let doorbell: Doorbell
    let registry: SubscriptionRegistry
    let index: SubscriptionIndex

    /// Opens, or makes, everything, so that gateway and publisher may start in any order.
    /// - Throws: ``PublisherError`` with code `dataDirectory`, with what couldn't be opened and why.
    static func open(
        _ configuration: PublisherConfiguration,
        _ logger: Logger
    ) throws(PublisherError) -> PublisherStorage {
        let directory = configuration.dataDirectory
        do {
            let run = try RunDirectory(data: directory)
            var logConfiguration = ChangeLogConfiguration()
            logConfiguration.directory = directory + "/log"
            logConfiguration.mapSizeBytes = configuration.logMapSizeBytes
            let log = try ChangeLog.open(logConfiguration)
            var attributes = configuration.semantics.attributes
            attributes.visibilityTimeout = configuration.visibilityTimeout
            let queue = try ChangeQueues.open(
                configuration.semantics.queueID,
                attributes,
                log: log,
                directory: directory + "/consumers",
                run: run,
                logger: logger
            )
            let registry = try SubscriptionRegistry(path: directory + "/registry.sqlite")
            return PublisherStorage(
                log: log,
                queue: queue,
                doorbell: try Doorbell(run),
                registry: registry,
                index: try SubscriptionIndex(registry: registry)
            )
        } catch {
            throw PublisherError(
                .dataDirectory,
                "The data directory \(directory) can't be used: \(error) Check that it exists or can be made, and that this user may write to it."
            )
        }
    }
}
