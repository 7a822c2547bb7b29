import ChangeQueue
import LMDBLog
import SluiceCore
import SubscriptionRegistry

/// The queue as the commands see it: opened for reading only, whether or not the processes run.
struct QueueView {
    private let inspector: QueueInspector

    /// Opens the queue of the data directory with the semantics that the settings name.
    /// - Throws: `noInput` when there is no log to look at.
    init(_ settings: Settings) throws(CommandError) {
        let directory = settings.text(.data, otherwise: "./sluice-data")
        let (queue, semantics) = try QueueView.queue(settings, directory)
        do {
            inspector = try QueueInspector(dataDirectory: directory, queue: queue, kind: semantics.attributes.kind)
        } catch {
            throw CommandError(
                .noInput,
                "There is no queue to look at in the data directory \(directory): \(error)"
            )
        }
    }

    /// The queue that is asked for, if the publishers use it, else the one that they use: those that run, as the registry says, or the last ones.
    /// - Throws: `noInput` when they use others: its figures would be those of a queue that nobody reads.
    private static func queue(
        _ settings: Settings,
        _ directory: String
    ) throws(CommandError) -> (QueueID, QueueSemantics) {
        let asked: PublishersQueue = settings.value(.queue) ?? PublishersQueue(.sqs)
        let running = Set((try? RegistryView(settings).publishers().map(\.queue)) ?? [])
        let used =
            running.isEmpty
            ? QueueInspector.usedQueues(dataDirectory: directory)
            : running.compactMap { try? QueueID(ByteString($0)) }.sorted()
        if used.isEmpty || used.contains(asked.id) { return try kind(of: asked, directory) }
        if settings.source(of: .queue) == nil, used.count == 1 {
            return try kind(of: PublishersQueue(rawValue: used[0].description) ?? asked, directory)
        }
        let names = used.map(\.description).joined(separator: " and ")
        throw CommandError(
            .noInput,
            """
            No publisher uses the queue '\(asked.id)' of the data directory \(directory); they use \(names). \
            Ask with \(Setting.queue.flag) \(used[0]).
            """
        )
    }

    /// A queue with its kind, which a name alone doesn't say.
    private static func kind(
        of queue: PublishersQueue,
        _ directory: String
    ) throws(CommandError) -> (QueueID, QueueSemantics) {
        let known = queue.semantics ?? QueueSettings.read(queue.id, dataDirectory: directory)?.semantics
        guard let known else {
            throw CommandError(
                .noInput,
                "No publisher has used the queue '\(queue.id)' of the data directory \(directory)."
            )
        }
        return (queue.id, known)
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
