import Glibc
import PosixSupport

/// The environments that this process has open, by device and inode of their directory.
///
/// LMDB's locks are `fcntl` locks, which belong to a process: closing a second handle of the same file would drop the
/// locks of the first, and other processes would then take its readers for dead (lmdb.h, "Caveats"). So a second open
/// is refused.
enum OpenEnvironments {
    private static let lock = MapLock()
    // Guarded by `lock`.
    private nonisolated(unsafe) static var directories: [FileIdentity: CInt] = [:]

    /// Enters the directory at `path`.
    static func enter(_ path: String) throws(LMDBError) -> FileIdentity {
        // Held until it is left: the inode of a directory that is removed meanwhile can't be given to another one.
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw LMDBError(.system(errno), operation: "open \(path)") }
        guard let identity = FileIdentity(descriptor: directory) else {
            let code = errno
            close(directory)
            throw LMDBError(.system(code), operation: "open \(path)")
        }
        lock.lockExclusively()
        defer { lock.unlock() }
        guard directories[identity] == nil else {
            close(directory)
            throw LMDBError(.alreadyOpen, operation: "open \(path)")
        }
        directories[identity] = directory
        return identity
    }

    static func leave(_ identity: FileIdentity) {
        lock.lockExclusively()
        defer { lock.unlock() }
        if let directory = directories.removeValue(forKey: identity) { close(directory) }
    }
}
