package import ChangeQueue
package import Logging
import PosixSupport
package import SluiceCore
import Synchronization

/// Appends to the change log: one thread, one transaction for all that gathered while the last one was committing
/// (group commit), and the answers only when the records are on disk.
///
/// A process has one writer for its log; writers of several processes take turns, and each reads what the others have
/// committed.
package final class LogWriter: LogAppending {
    /// The log that it appends to.
    package let log: ChangeLog
    private let inbox: AppendInbox
    private let heads: SharedTopicHeads
    private let hook: CommitHook
    private let thread: PosixThread?
    private let isShutDown = Mutex(false)

    /// Starts the writer's thread.
    /// - Parameters:
    ///   - log: the log to append to; not one that is open for reading only.
    ///   - doorbell: rung after each commit; nil when nobody waits.
    ///   - maintainsLog: whether it trims, saves heads and forgets topics; not for one who doesn't know the limits that the log is kept with.
    ///   - logger: where failures of the upkeep are reported.
    ///   - onRefusal: called on the writer's thread when requests of a commit met a limit of the log.
    ///   - onGroupTrim: called on the writer's thread when retention has trimmed records that a group of readers hadn't read.
    package init(
        log: ChangeLog,
        doorbell: (any LogSignal)? = nil,
        maintainsLog: Bool = true,
        logger: Logger = Logger(label: "sluice.log"),
        onRefusal: @escaping @Sendable (_ refusal: AppendRefusal, _ requests: Int) -> Void = { _, _ in },
        onGroupTrim: @escaping @Sendable (_ records: UInt64) -> Void = { _ in }
    ) {
        self.log = log
        inbox = AppendInbox(
            maximumBytes: log.configuration.maximumPendingBytes,
            windowNanoseconds: log.configuration.commitWindow.wholeNanoseconds
        )
        heads = SharedTopicHeads(log: log)
        hook = CommitHook()
        do throws(SystemError) {
            thread = try PosixThread(name: "sluice-log") { [inbox, heads, hook] in
                LogWriterLoop(
                    log: log,
                    heads: heads,
                    inbox: inbox,
                    hook: hook,
                    doorbell: doorbell,
                    maintainsLog: maintainsLog,
                    logger: logger,
                    onRefusal: onRefusal,
                    onGroupTrim: onGroupTrim
                ).run()
            }
        } catch {
            logger.error("nothing can be appended", metadata: ["error": "\(error)"])
            inbox.stop()
            thread = nil
        }
    }

    deinit { shutdown() }

    /// Called on the writer's thread after each commit, before the answers: the first record's number, how many there
    /// are, and when the commit returned (nanoseconds of `StageClock`).
    package var onCommit: (@Sendable (_ first: SequenceNumber, _ count: Int, _ committedAtNanoseconds: UInt64) -> Void)?
    {
        get { hook.body }
        set { hook.body = newValue }
    }

    /// Appends requests, each a unit of its own.
    ///
    /// They go into the next commit; `client` is told the outcomes.
    ///
    /// It never blocks: one lock, and one wake-up if the writer sleeps. What can't be taken is answered before it
    /// returns.
    package func submit(_ requests: [(token: UInt64, request: AppendRequest)], for client: any AppendClient) {
        guard !requests.isEmpty else { return }
        let bytes = requests.reduce(0) { $0 + $1.request.pendingBytes }
        let refusal = inbox.add(AppendSubmission(client: client, requests: requests, bytes: bytes))
        guard let refusal else { return }
        client.completed(requests.map { AppendOutcome(token: $0.token, result: .failure(refusal)) })
    }

    /// The topic's newest committed record, of any process; `SequenceNumber.none` when there is none.
    ///
    /// A look-up, unless another process has committed since: then its records are read first.
    /// - Throws: `storage` when they can't be read.
    package func head(of topic: Topic) throws(ChangeQueueError) -> SequenceNumber {
        try ChangeQueueError.typing("read the head of a topic") { try heads.head(of: topic) }
    }

    /// What is used of the log's limits; a few look-ups.
    /// - Throws: `storage` when they can't be read.
    package func usage() throws(ChangeQueueError) -> LogUsage {
        try ChangeQueueError.typing("measure what the log uses") { try heads.usage() }
    }

    /// Accepts nothing more, commits and answers what waits, saves the topics' heads and ends the thread.
    ///
    /// Blocks until then.
    package func shutdown() {
        inbox.stop()
        guard let thread, !thread.isCurrent else { return }
        isShutDown.withLock { isShutDown in
            if !isShutDown { thread.join() }
            isShutDown = true
        }
    }
}

/// Reads go to the log, and the heads are those that the writer keeps.
extension LogWriter: LogReading {
    /// The log's random id.
    package var logID: UInt32 { log.logID }

    /// Whether the topics' heads have been read.
    package var isLoaded: Bool { heads.hasLoaded }

    /// The log's epochs.
    package var epochs: LogEpochs { log.epochs }

    /// The newest number that was given.
    /// - Throws: `storage` when it can't be read.
    package func lastSequence() throws(ChangeQueueError) -> SequenceNumber { try log.reader.lastSequence() }

    /// The record at `sequence`; nil when it was trimmed or doesn't exist yet.
    /// - Throws: `storage`, `corruptRecord`.
    package func record(at sequence: SequenceNumber) throws(ChangeQueueError) -> ChangeRecord? {
        try log.reader.record(at: sequence)
    }

    /// Goes on with walks in their order, in one read transaction.
    /// - Throws: `storage`, `corruptRecord`.
    package func advance(_ walks: inout [ChainWalk]) throws(ChangeQueueError) { try log.reader.advance(&walks) }

    /// The item `key` of `table`; nil when it doesn't exist.
    /// - Throws: `storage`, `corruptRecord`, `invalidItem` for a name that can't be one.
    package func item(table: String, key: String) throws(ChangeQueueError) -> StoredItem? {
        try log.reader.item(table: table, key: key)
    }
}

/// What is called after each commit; it can be set while the writer runs.
final class CommitHook: Sendable {
    typealias Body = @Sendable (_ first: SequenceNumber, _ count: Int, _ committedAtNanoseconds: UInt64) -> Void

    /// A closure that is a generic's value itself is wrapped anew whenever the lock hands it out and takes it back: each
    /// call would be deeper than the one before.
    ///
    /// A structure's member isn't.
    private struct Stored {
        var body: Body?
    }

    private let stored = Mutex(Stored())

    var body: Body? {
        get { stored.withLock { $0.body } }
        set { stored.withLock { $0.body = newValue } }
    }

    func call(_ first: SequenceNumber, _ count: Int, _ committedAtNanoseconds: UInt64) {
        body?(first, count, committedAtNanoseconds)
    }
}
