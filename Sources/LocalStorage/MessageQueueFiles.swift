package import ChangeQueue
import LMDBLog
package import Logging
import PosixSupport
package import QueueEngine
package import Queues

/// The message queues of a data directory for a process that isn't a gateway, such as a command: whether or not gateways run, which share them.
///
/// It trims nothing: how long records are kept only the gateways know. One that appends no record begins no epoch.
package final class MessageQueueFiles: Sendable {
    /// The queues.
    package let service: MessageQueueService
    /// Topics that publish to them.
    package let topics: TopicService
    private let writer: LogWriter
    private let store: LMDBMessageQueues

    /// Opens the queues of a log that exists.
    ///
    /// `appendsRecords`: whether dead letters of publishers may be published again; the publishers are rung for then.
    /// - Throws: `cannotOpen` when there is no log, or it is another user's; `versionMismatch`.
    package init(dataDirectory: String, appendsRecords: Bool = false, logger: Logger) throws(ChangeQueueError) {
        let configuration = try MessageQueueFiles.configuration(dataDirectory + "/log")
        let log = try ChangeLog.open(configuration, appends: appendsRecords)
        let bell = try appendsRecords ? DoorbellRinger(RunDirectory(data: dataDirectory)) : nil
        writer = LogWriter(log: log, doorbell: bell, maintainsLog: false, logger: logger)
        store = try LMDBMessageQueues(writer: writer, directory: dataDirectory + "/queues", logger: logger)
        service = MessageQueueService(store: store, logger: logger)
        topics = TopicService(store: store, queues: service, logger: logger)
    }

    /// Commits what waits and syncs what receivers hold; nothing is asked for afterwards.
    package func close() throws(QueueError) {
        service.drain()
        writer.shutdown()
        try store.close()
    }

    /// The log's own limits: another map size would be everybody's.
    private static func configuration(_ directory: String) throws(ChangeQueueError) -> ChangeLogConfiguration {
        let log = try ChangeLog.openReadOnly(directory: directory)
        guard let path = Directory.resolved(directory), Directory.isOwn(path) else {
            // Files that root makes are ones that the gateway can't open.
            throw ChangeQueueError(
                .cannotOpen,
                "The change log in \(directory) belongs to another user. Run this as the user whose data directory it is."
            )
        }
        var configuration = ChangeLogConfiguration(directory: directory)
        if log.configuration.mapSizeBytes > 0 { configuration.mapSizeBytes = log.configuration.mapSizeBytes }
        return configuration
    }
}
