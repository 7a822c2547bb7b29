package import ChangeQueue
import PosixSupport
import SluiceCore
import Synchronization

/// Shows the other publishers that this one lives: an exclusive lock on a file in the run directory.
///
/// Whoever can take the lock of another one knows that it is dead (docs/decisions/owner-locks.md).
final class OwnerLock: Sendable {
    /// The extension of the lock files.
    static let suffix = ".owner"

    /// The name that the lock stands for.
    let owner: OwnerID
    private let run: RunDirectory
    private let path: String
    private let lock: FileLock

    private init(_ owner: OwnerID, _ run: RunDirectory, _ path: String, _ lock: FileLock) {
        self.owner = owner
        self.run = run
        self.path = path
        self.lock = lock
    }

    /// Draws a name and locks its file.
    /// - Throws: `cannotOpen`.
    convenience init(_ run: RunDirectory) throws(ChangeQueueError) {
        for _ in 0..<16 {
            let owner = OwnerID.random()
            let path = run.path(for: owner.fileName)
            // A sweep of another publisher may come between making the file and locking it.
            let lock = try ChangeQueueError.onSystem { () throws(SystemError) in
                try FileLock(path, isExclusive: true, waits: false)
            }
            guard let lock, lock.isStill(at: path) else { continue }
            self.init(owner, run, path, lock)
            return
        }
        throw ChangeQueueError(
            .locked,
            "No owner lock can be taken in \(run.path): other software locks new files there."
        )
    }

    // The file of a lock that was restored is its successor's.
    deinit { if lock.isStill(at: path) { DurableFile.remove(path) } }

    /// The lock with its file made again, if somebody has removed that: without it the others take this owner for dead.
    /// - Returns: nil when the file stands where it was.
    /// - Throws: `cannotOpen`.
    func restored() throws(ChangeQueueError) -> OwnerLock? {
        guard !lock.isStill(at: path) else { return nil }
        try run.restore()
        return try OwnerLock(owner, run)
    }

    private convenience init?(_ owner: OwnerID, _ run: RunDirectory) throws(ChangeQueueError) {
        let path = run.path(for: owner.fileName)
        let lock = try ChangeQueueError.onSystem { () throws(SystemError) in
            try FileLock(path, isExclusive: true, waits: false)
        }
        guard let lock else { return nil }
        self.init(owner, run, path, lock)
    }

    /// Whether the owner lives.
    static func isAlive(_ owner: OwnerID, _ run: RunDirectory) -> Bool {
        !FileLock.ifFree(run.path(for: owner.fileName)) {}
    }

    /// Removes the files of dead owners: a killed one can't do it itself.
    static func sweep(_ run: RunDirectory) {
        Directory.forEachEntry(of: run.path) { name in
            guard name.hasSuffix(suffix) else { return }
            let path = run.path + "/" + name
            // Still with the lock: an owner that has just made its file can't take it, and draws another name.
            _ = FileLock.ifFree(path) { DurableFile.remove(path) }
        }
    }
}

/// A publisher's name in the consumer state and on its lock in the run directory: new at each start.
struct OwnerID: Hashable, Sendable, Comparable {
    let high: UInt64
    let low: UInt64

    /// Nobody.
    static let none = OwnerID(high: 0, low: 0)

    /// Draws a new name.
    static func random() -> OwnerID {
        OwnerID(high: .random(in: 1 ... .max), low: .random(in: 0 ... .max))
    }

    /// Orders by the bits, so that all publishers list each other in the same order.
    static func < (left: OwnerID, right: OwnerID) -> Bool { (left.high, left.low) < (right.high, right.low) }

    /// The name of its lock file.
    var fileName: String { ConnectionID(high: high, low: low).description + OwnerLock.suffix }
}

/// Held while a process of a name runs: another one with that name can't take it.
///
/// Its file goes with it.
package final class NameLock: Sendable {
    private let run: RunDirectory
    private let path: String
    private let held: Mutex<FileLock>

    /// Takes the name; nil when a living process has it.
    /// - Throws: `cannotOpen`.
    package init?(_ name: String, in run: RunDirectory) throws(ChangeQueueError) {
        self.run = run
        path = run.path(for: name)
        guard let lock = try NameLock.take(path) else { return nil }
        held = Mutex(lock)
    }

    deinit { if held.withLock({ $0.isStill(at: path) }) { DurableFile.remove(path) } }

    /// Makes directory and file again if somebody has removed them.
    /// - Throws: `locked` when another process has taken the name meanwhile, `cannotOpen`.
    package func restore() throws(ChangeQueueError) {
        guard !held.withLock({ $0.isStill(at: path) }) else { return }
        try run.restore()
        guard let lock = try NameLock.take(path) else {
            throw ChangeQueueError(.locked, "The lock \(path) was removed, and another process has taken the name.")
        }
        held.withLock { $0 = lock }
    }

    private static func take(_ path: String) throws(ChangeQueueError) -> FileLock? {
        while true {
            let lock = try ChangeQueueError.onSystem { () throws(SystemError) in
                try FileLock(path, isExclusive: true, waits: false)
            }
            guard let lock else { return nil }
            // Another holder may have removed the file between opening and locking it.
            if lock.isStill(at: path) { return lock }
        }
    }
}
