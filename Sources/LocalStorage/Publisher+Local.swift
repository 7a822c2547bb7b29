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
        let semantics = try semantics(of: configuration, logger)
        var attributes = semantics.attributes
        attributes.visibilityTimeout = configuration.visibilityTimeout
        attributes.retryMinimum = configuration.retryMinimum
        attributes.retryMaximum = configuration.retryMaximum
        let queue = try ChangeQueues.open(
            configuration.queue.id,
            attributes,
            log: log,
            directory: directory + "/consumers",
            run: run,
            passesOverDelivered: true,
            logger: logger
        )
        let registry = try RegistryDatabase(path: directory + "/registry.sqlite")
        return PublisherDrivers(
            queue: queue,
            bell: try Doorbell(run),
            registry: try SubscriptionIndex(registry: registry),
            deadLetters: LMDBDeadLetters(queue: configuration.deadLetterQueue, log: log)
        )
    }

    /// The kind of the queue: what it is named with, or else what it was used with before.
    ///
    /// What differs from the last use is told.
    private static func semantics(
        of configuration: PublisherConfiguration,
        _ logger: Logger
    ) throws -> QueueSemantics {
        let (queue, directory) = (configuration.queue, configuration.dataDirectory)
        let last = QueueSettings.read(queue.id, dataDirectory: directory)
        guard let semantics = queue.semantics ?? last?.semantics else {
            throw PublisherError(
                .configuration,
                """
                No publisher has used the queue '\(queue.id)' of \(directory). Say its kind the first time: \
                --queue \(queue.id):sqs, :sns or :stream.
                """
            )
        }
        if let last, last.semantics != semantics {
            throw PublisherError(
                .configuration,
                """
                The queue '\(queue.id)' of \(directory) is of the kind \(last.semantics.rawValue), which can't be changed. \
                Use another name for \(semantics.rawValue).
                """
            )
        }
        let settings = QueueSettings(semantics: semantics, values: configuration.queueSettings)
        let differences = last.map { settings.differences(from: $0) } ?? []
        if !differences.isEmpty {
            logger.warning(
                "this publisher has other settings than the queue's last one: those that still run keep theirs until they are restarted",
                metadata: ["queue": "\(queue.id)", "differences": "\(differences.joined(separator: "; "))"]
            )
        }
        if last != settings { try settings.write(queue.id, dataDirectory: directory) }
        return semantics
    }
}

extension PublisherConfiguration {
    /// What all publishers of a queue should agree in, by the settings' names.
    fileprivate var queueSettings: [(name: String, value: String)] {
        [
            ("visibility-timeout", "\(visibilityTimeout)"), ("retry-minimum", "\(retryMinimum)"),
            ("retry-maximum", "\(retryMaximum)"), ("maximum-attempts", "\(maximumAttempts)"),
            ("maximum-record-age", "\(maximumRecordAge)"), ("dead-letter-queue", "\(deadLetterQueue)"),
        ]
    }
}
