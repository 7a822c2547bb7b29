public import ChangeQueue
import PosixSupport

/// Held while a process of a name runs: another one with that name can't take it.
///
/// Its file goes with it.
public final class NameLock: Sendable {
    private let run: RunDirectory
    private let path: String
    private let lock: FileLock

    /// Takes the name; nil when a living process has it.
    /// - Throws: `cannotOpen`.
    public init?(_ name: String, in run: RunDirectory) throws(ChangeQueueError) {
        self.run = run
        let path = run.path(for: name)
        self.path = path
        while true {
            let lock = try ChangeQueueError.onSystem { () throws(SystemError) in
                try FileLock(path, isExclusive: true, waits: false)
            }
            guard let lock else { return nil }
            // Another holder may have removed the file between opening and locking it.
            guard lock.isStill(at: path) else { continue }
            self.lock = lock
            return
        }
    }

    deinit { DurableFile.remove(path) }
}
