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
        let semantics = try QueueView.semantics(settings, directory)
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

    /// The queue that is asked for, if the publishers use it, else the one that they use: those that run, as the registry says, or the last ones.
    /// - Throws: `noInput` when they use others: its figures would be those of a queue that nobody reads.
    private static func semantics(_ settings: Settings, _ directory: String) throws(CommandError) -> QueueSemantics {
        let asked: QueueSemantics = settings.value(.queue) ?? .sqs
        let running = Set((try? RegistryView(settings).publishers().map(\.queue)) ?? [])
        let used = QueueSemantics.allCases.filter {
            running.isEmpty
                ? QueueInspector.hasBeenUsed($0.queueID, dataDirectory: directory)
                : running.contains($0.queueID.name.string)
        }
        if used.isEmpty || used.contains(asked) { return asked }
        if settings.source(of: .queue) == nil, used.count == 1 { return used[0] }
        let names = used.map(\.rawValue).joined(separator: " and ")
        throw CommandError(
            .noInput,
            """
            No publisher uses the queue '\(asked.rawValue)' of the data directory \(directory); they use \(names). \
            Ask with \(Setting.queue.flag) \(used[0].rawValue).
            """
        )
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
