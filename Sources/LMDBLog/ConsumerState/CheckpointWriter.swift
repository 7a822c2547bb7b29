import ChangeQueue
import Logging
import PosixSupport
import SluiceCore

/// Writes durable checkpoints on a thread of its own: the disk's sync would hold up the publisher's.
final class CheckpointWriter: Sendable {
    private let path: String
    private let logger: Logger
    private let condition = ThreadCondition()
    // Guarded by `condition`.
    private nonisolated(unsafe) var waiting: DurableCheckpoint?
    // Guarded by `condition`.
    private nonisolated(unsafe) var isStopped = false
    // Written once in the initializer.
    private nonisolated(unsafe) var thread: PosixThread?

    /// Starts the thread; without one, checkpoints are written on the caller's.
    init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
        // The thread ends in `close()`, which the queue calls, so it may hold the writer.
        thread = try? PosixThread(name: "sluice-point") { [self] in run() }
    }

    /// The newest checkpoint is written when the thread comes to it; those before it needn't be.
    func save(_ checkpoint: DurableCheckpoint) {
        guard thread != nil else { return write(checkpoint) }
        condition.lock()
        waiting = checkpoint
        condition.unlock()
        condition.signal()
    }

    /// Writes what waits and ends the thread.
    ///
    /// Call it once.
    func close() {
        condition.lock()
        isStopped = true
        condition.unlock()
        condition.signal()
        thread?.join()
    }

    private func run() {
        while true {
            condition.lock()
            while waiting == nil, !isStopped { _ = condition.wait(untilNanoseconds: .max / 4) }
            let next = waiting
            waiting = nil
            condition.unlock()
            guard let next else { return }
            write(next)
        }
    }

    private func write(_ checkpoint: DurableCheckpoint) {
        do throws(ChangeQueueError) { try checkpoint.write(path) } catch {
            logger.warning(
                "the durable checkpoint can't be written: after a crash of the machine more deliveries would repeat",
                metadata: ["error": "\(error)"]
            )
        }
    }
}
