import Glibc

/// Shows the other publishers that this one lives: an exclusive lock on a file in the run directory. Whoever can take the lock of another one
/// knows that it is dead (docs/decisions/owner-locks.md).
final class OwnerLock: Sendable {
    /// The extension of the lock files.
    static let suffix = ".owner"

    /// The name that the lock stands for.
    let owner: OwnerID
    private let path: String
    private let lock: FileLock

    /// Draws a name and locks its file.
    /// - Throws: `cannotOpen`.
    init(_ run: RunDirectory) throws(ChangeQueueError) {
        for _ in 0..<16 {
            let owner = OwnerID.random()
            let path = run.path(for: owner.fileName)
            // A sweep of another publisher may come between making the file and locking it.
            guard let lock = try FileLock(path, isExclusive: true, waits: false), lock.isStill(at: path) else { continue }
            self.owner = owner
            self.path = path
            self.lock = lock
            return
        }
        throw ChangeQueueError(.locked, "No owner lock can be taken in \(run.path): other software locks new files there.")
    }

    deinit { unlink(path) }

    /// Whether the owner lives.
    static func isAlive(_ owner: OwnerID, _ run: RunDirectory) -> Bool { !canLock(run.path(for: owner.fileName)) }

    /// Removes the files of dead owners: a killed one can't do it itself.
    static func sweep(_ run: RunDirectory) {
        guard let entries = opendir(run.path) else { return }
        defer { closedir(entries) }
        while let entry = readdir(entries) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard name.hasSuffix(suffix) else { continue }
            let path = run.path + "/" + name
            if canLock(path) { unlink(path) }
        }
    }

    /// Opens without making the file: a missing one is a dead owner's.
    private static func canLock(_ path: String) -> Bool {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return errno == ENOENT }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }
}
