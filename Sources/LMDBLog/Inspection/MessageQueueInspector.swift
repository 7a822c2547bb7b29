package import ChangeQueue
package import QueueEngine
package import Queues
package import SluiceCore
import Synchronization

/// Looks at the message queues of a data directory without taking part: opens everything for reading only, whether or not a gateway runs, and makes
/// nothing.
///
/// It may be kept open and asked again. Times are the wall clock, nanoseconds since 1970.
package final class MessageQueueInspector: Sendable {
    /// Messages of a queue that gateways let be in flight at once.
    package static let maximumInFlight = LMDBMessageQueues.maximumInFlightByDefault

    private let log: ChangeLog
    private let directory: String
    private let opened = Mutex<ReceiveState?>(nil)

    /// Opens the queues of a data directory.
    /// - Throws: `cannotOpen` when it has no log, `locked` when this process has it open, `versionMismatch`.
    package init(dataDirectory: String) throws(ChangeQueueError) {
        log = try ChangeLog.openReadOnly(directory: dataDirectory + "/log")
        directory = dataDirectory + "/queues"
    }

    /// The queue of a name; nil when there is none.
    package func queue(_ id: QueueID) throws(QueueError) -> MessageQueue? { try catalogue.queue(id) }

    /// All queues whose names begin so, in their order.
    package func queues(prefix: ByteString = "") throws(QueueError) -> [MessageQueue] {
        try catalogue.queues(after: nil, prefix: prefix, maximum: .max)
    }

    /// A queue's figures.
    package func figures(of queue: MessageQueue, nowNanoseconds: UInt64) throws(QueueError) -> MessageQueueFigures {
        try reader().figures(of: queue, nowNanoseconds: nowNanoseconds)
    }

    /// The oldest messages from an ordinal on.
    package func messages(
        of queue: MessageQueue,
        from ordinal: UInt64 = 1,
        maximum: Int,
        nowNanoseconds: UInt64
    ) throws(QueueError) -> [StoredMessage] {
        try reader().messages(of: queue, from: ordinal, maximum: maximum, nowNanoseconds: nowNanoseconds)
    }

    private var catalogue: MessageQueueReader { MessageQueueReader(log: log, state: nil) }

    /// With what receivers hold, as soon as there is something.
    private func reader() throws(QueueError) -> MessageQueueReader {
        let state = try QueueError.typing("read what receivers hold") {
            try opened.withLock { opened in
                if opened == nil { opened = try ReceiveState.existing(directory, logID: log.logID) }
                return opened
            }
        }
        return MessageQueueReader(log: log, state: state)
    }
}
