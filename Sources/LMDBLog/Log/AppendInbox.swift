import ChangeQueue
import PosixSupport
import SluiceCore

/// Where appends wait for the writer's thread: bounded, with one lock and at most one wake-up a submission.
final class AppendInbox: Sendable {
    /// What the writer's thread is given.
    struct Taken {
        var submissions: [AppendSubmission]
        /// Nothing more will come after these.
        var isStopped: Bool
    }

    private let condition = ThreadCondition()
    private let maximumBytes: Int
    private let windowNanoseconds: UInt64
    // Guarded by `condition`.
    private nonisolated(unsafe) var submissions: [AppendSubmission] = []
    // Guarded by `condition`.
    private nonisolated(unsafe) var pendingBytes = 0
    // Guarded by `condition`.
    private nonisolated(unsafe) var isStopped = false
    // Guarded by `condition`.
    private nonisolated(unsafe) var isWriterWaiting = false
    // Guarded by `condition`: when the first of `submissions` came.
    private nonisolated(unsafe) var firstAtNanoseconds: UInt64 = 0

    /// - Parameters:
    ///   - maximumBytes: what may wait.
    ///   - windowNanoseconds: how long the first submission waits for others before all are taken.
    init(maximumBytes: Int, windowNanoseconds: UInt64 = 0) {
        self.maximumBytes = maximumBytes
        self.windowNanoseconds = windowNanoseconds
    }

    /// Adds a submission.
    /// - Returns: why it was refused; nil when it wasn't.
    func add(_ submission: AppendSubmission) -> ChangeQueueError? {
        condition.lock()
        if isStopped {
            condition.unlock()
            return ChangeQueueError(
                .shuttingDown,
                "The log writer is shutting down. Append elsewhere, or again after the restart."
            )
        }
        guard pendingBytes + submission.bytes <= maximumBytes else {
            let pending = pendingBytes
            condition.unlock()
            return ChangeQueueError(
                .overloaded,
                """
                \(pending) bytes wait for the log, \(submission.bytes) more would exceed the limit of \(maximumBytes). \
                Try again later.
                """
            )
        }
        pendingBytes += submission.bytes
        if submissions.isEmpty, windowNanoseconds > 0 { firstAtNanoseconds = StageClock.nowNanoseconds() }
        submissions.append(submission)
        let mustWake = isWriterWaiting || (windowNanoseconds > 0 && isFull)
        isWriterWaiting = false
        condition.unlock()
        if mustWake { condition.signal() }
        return nil
    }

    /// Takes everything there is; waits for something until the monotonic clock shows `deadline`.
    func removeAll(untilNanoseconds deadline: UInt64) -> Taken {
        condition.lock()
        defer { condition.unlock() }
        while submissions.isEmpty, !isStopped {
            isWriterWaiting = true
            let isOver = condition.wait(untilNanoseconds: deadline)
            isWriterWaiting = false
            if isOver { break }
        }
        waitForMore()
        let taken = Taken(submissions: submissions, isStopped: isStopped)
        submissions = []
        return taken
    }

    /// Waits until the window of the first submission is over, unless there is enough already.
    private func waitForMore() {
        guard windowNanoseconds > 0, !submissions.isEmpty else { return }
        while !isStopped, !isFull {
            if condition.wait(untilNanoseconds: firstAtNanoseconds &+ windowNanoseconds) { break }
        }
    }

    /// Whether so much waits that it had better be committed; asked with the lock held.
    private var isFull: Bool { pendingBytes >= maximumBytes / 4 }

    /// Whether nothing waits.
    var isEmpty: Bool {
        condition.lock()
        defer { condition.unlock() }
        return submissions.isEmpty
    }

    /// So many bytes were committed or have failed: others may take their place.
    func release(_ bytes: Int) {
        condition.lock()
        pendingBytes -= bytes
        condition.unlock()
    }

    /// Refuses everything from now on and wakes the writer to finish.
    func stop() {
        condition.lock()
        isStopped = true
        condition.unlock()
        condition.signal()
    }
}

/// What one call of `submit` handed over.
struct AppendSubmission: Sendable {
    let client: any AppendClient
    let requests: [(token: UInt64, request: AppendRequest)]
    let bytes: Int
}
