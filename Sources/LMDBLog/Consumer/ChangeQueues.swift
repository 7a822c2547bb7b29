package import ChangeQueue
package import Logging
package import SluiceCore

/// Opens consumers of the change log on this machine.
package enum ChangeQueues {
    /// Opens the consumer of one publisher; each publisher has its own, and a process opens a data directory's consumer
    /// state once.
    /// - Parameters:
    ///   - queue: the queue's name. Each queue has a position of its own in the log.
    ///   - attributes: how it behaves; those of a queue that publishers share must be the same.
    ///   - log: the log to consume.
    ///   - directory: the directory of the consumer state; it is made.
    ///   - run: where the owner locks are.
    ///   - passesOverDelivered: whether it begins behind what any other queue of the directory has delivered.
    ///   - mapSizeBytes: bytes to which the consumer state of all queues may grow. The file is sparse; 120,000 records in flight, each apart,
    ///     take about 20 MiB.
    ///   - logger: told of state that was lost and of what was taken over.
    /// - Returns: the consumer, to be used on one thread.
    /// - Throws: `ChangeQueueError`: `cannotOpen`, also when the queue is of another kind, `locked`, `versionMismatch`, `storage`.
    package static func open(
        _ queue: QueueID,
        _ attributes: QueueAttributes,
        log: ChangeLog,
        directory: String,
        run: RunDirectory,
        passesOverDelivered: Bool = false,
        mapSizeBytes: Int = 256 << 20,
        logger: Logger = Logger(label: "sluice.queue")
    ) throws(ChangeQueueError) -> any ChangeQueue {
        let store = try ConsumerStore.open(
            directory,
            logID: log.logID,
            mapSizeBytes: mapSizeBytes,
            logger: logger
        )
        let delivered = passesOverDelivered ? store.origin.deliveredThrough() : 0
        return try open(
            queue,
            attributes,
            log: log,
            store: store,
            run: run,
            deliveredThrough: delivered,
            logger: logger
        )
    }

    /// Opens a consumer on a store that is open: several publishers in one process share it.
    static func open(
        _ queue: QueueID,
        _ attributes: QueueAttributes,
        log: ChangeLog,
        store: ConsumerStore,
        run: RunDirectory,
        deliveredThrough: UInt64 = 0,
        logger: Logger
    ) throws(ChangeQueueError) -> any ChangeQueue {
        let (id, through) = (queue, deliveredThrough)
        return switch attributes.kind {
        case .standard:
            try LeaseQueue(id, attributes, log: log, store: store, run: run, deliveredThrough: through, logger: logger)
        case .stream:
            try StreamQueue(id, attributes, log: log, store: store, run: run, deliveredThrough: through, logger: logger)
        }
    }
}
