public import Logging
public import SluiceCore

/// Opens consumers of the change log on this machine.
public enum ChangeQueues {
    /// Opens the consumer of one publisher; each publisher has its own, and a process opens a data directory's consumer
    /// state once.
    /// - Parameters:
    ///   - semantics: how records are taken. Each semantics is a consumer of its own, with its own position in the log.
    ///   - log: the log to consume.
    ///   - directory: the directory of the consumer state; it is made.
    ///   - run: where the owner locks are.
    ///   - configuration: the limits.
    ///   - logger: told of state that was lost and of what was taken over.
    /// - Returns: the consumer, to be used on one thread.
    /// - Throws: ``ChangeQueueError``: `cannotOpen`, `locked`, `versionMismatch`, `storage`.
    public static func open(
        _ semantics: QueueSemantics,
        log: ChangeLog,
        directory: String,
        run: RunDirectory,
        configuration: ConsumerConfiguration = ConsumerConfiguration(),
        logger: Logger = Logger(label: "sluice.queue")
    ) throws(ChangeQueueError) -> any ChangeQueue {
        let store = try ConsumerStore.open(
            directory,
            logID: log.logID,
            mapSizeBytes: configuration.mapSizeBytes,
            logger: logger
        )
        return try open(semantics, log: log, store: store, run: run, configuration: configuration, logger: logger)
    }

    /// Opens a consumer on a store that is open: several publishers in one process share it.
    static func open(
        _ semantics: QueueSemantics,
        log: ChangeLog,
        store: ConsumerStore,
        run: RunDirectory,
        configuration: ConsumerConfiguration,
        logger: Logger
    ) throws(ChangeQueueError) -> any ChangeQueue {
        switch semantics {
        case .sqs, .sns:
            try LeaseQueue(semantics, log: log, store: store, run: run, configuration: configuration, logger: logger)
        case .stream:
            try StreamQueue(log: log, store: store, run: run, configuration: configuration, logger: logger)
        }
    }
}
