import Glibc

/// The environments that this process has open, by device and inode of their directory.
///
/// LMDB's locks are `fcntl` locks, which belong to a process: closing a second handle of the same file would drop the
/// locks of the first, and other processes would then take its readers for dead (lmdb.h, "Caveats"). So a second open
/// is refused.
enum OpenEnvironments {
    struct Identity: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
    }

    private static let lock = MapLock()
    // Guarded by `lock`.
    private nonisolated(unsafe) static var open: Set<Identity> = []

    /// Enters the directory at `path`.
    static func enter(_ path: String) throws(LMDBError) -> Identity {
        var status = stat()
        guard stat(path, &status) == 0 else { throw LMDBError(.system(errno), operation: "open \(path)") }
        let identity = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        lock.lockExclusively()
        defer { lock.unlock() }
        guard open.insert(identity).inserted else {
            throw LMDBError(.alreadyOpen, operation: "open \(path)")
        }
        return identity
    }

    static func leave(_ identity: Identity) {
        lock.lockExclusively()
        defer { lock.unlock() }
        open.remove(identity)
    }
}
