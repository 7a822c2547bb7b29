import ChangeQueue
import LMDBLog
import SluiceCore

/// The queue as the commands see it: opened for reading only, whether or not the processes run.
struct QueueView {
    private let inspector: QueueInspector

    /// Opens the queue of the data directory with the semantics that the settings name.
    /// - Throws: `noInput` when there is no log to look at.
    init(_ settings: Settings) throws(CommandError) {
        let semantics: QueueSemantics = settings.value(.queue) ?? .sqs
        let directory = settings.text(.data, otherwise: "./sluice-data")
        do {
            inspector = try QueueInspector(
                dataDirectory: directory,
                queue: semantics.queueID,
                kind: semantics.attributes.kind
            )
        } catch {
            throw CommandError(
                .noInput,
                "There is no queue to look at in the data directory \(directory): \(error)"
            )
        }
    }

    /// The figures of the whole queue.
    func depth() throws -> QueueDepth { try inspector.depth(nowNanoseconds: StageClock.wallNanoseconds()) }

    /// The topics with the most records that aren't retired, the largest first.
    func depthByTopic(limit: Int) throws -> [TopicDepth] {
        try inspector.depthByTopic(limit: limit, nowNanoseconds: StageClock.wallNanoseconds())
    }

    /// The oldest records that aren't retired, in the order of the log.
    func peek(_ count: Int) throws -> [PeekedRecord] {
        try inspector.peek(count: count, nowNanoseconds: StageClock.wallNanoseconds())
    }
}
