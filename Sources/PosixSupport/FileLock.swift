import Glibc

/// An advisory lock on a file (`flock`): the kernel drops it in the moment in which its process dies.
package final class FileLock: Sendable {
    private let descriptor: CInt

    /// Locks the file at `path`, and makes it when there is none.
    /// - Parameters:
    ///   - path: the file.
    ///   - isExclusive: whether nobody else may have it, shared or not.
    ///   - waits: whether to wait for the others; otherwise the lock is nil when they have it.
    ///   - mode: who may open a file that is made.
    /// - Throws: what the system refuses.
    package init?(_ path: String, isExclusive: Bool, waits: Bool, mode: UInt32 = 0o640) throws(SystemError) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw FileLock.cannotLock(path) }
        let operation = (isExclusive ? LOCK_EX : LOCK_SH) | (waits ? 0 : LOCK_NB)
        while flock(descriptor, operation) != 0 {
            if errno == EINTR { continue }
            guard errno == EWOULDBLOCK else { throw FileLock.cannotLock(path) }
            return nil
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Shares an exclusive lock.
    ///
    /// Not in one step (`flock`, "converting a lock"): another process may have had it exclusively in between.
    /// - Throws: what the system refuses.
    package func share() throws(SystemError) {
        while flock(descriptor, LOCK_SH) != 0 {
            guard errno == EINTR else { throw SystemError("A lock can't be shared") }
        }
    }

    /// Whether `path` still leads to the locked file.
    package func isStill(at path: String) -> Bool {
        let own = FileIdentity(descriptor: descriptor)
        return own != nil && own == FileIdentity(path: path)
    }

    /// Runs `body` when nobody holds the lock of the file at `path`, and holds it meanwhile.
    ///
    /// A shared lock is enough, so that those who look don't take each other for the holder. A file that doesn't exist is held by nobody; `body`
    /// isn't run then.
    /// - Returns: whether nobody holds it.
    package static func ifFree(_ path: String, _ body: () -> Void) -> Bool {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return errno == ENOENT }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return false }
        body()
        return true
    }

    private static func cannotLock(_ path: String) -> SystemError { SystemError("The lock \(path) can't be used") }
}

/// Which file stands at a path: device and inode.
///
/// As long as a process holds the file open, its inode is not given to another.
package struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64

    /// Asks for the file at `path`; nil when there is none.
    /// - Parameters:
    ///   - path: the file.
    ///   - followsLink: whether a symbolic link at the path stands for what it leads to, or for itself.
    package init?(path: String, followsLink: Bool = true) {
        var status = stat()
        // Not `stat(path, …)`, which copies the path into an array: this is asked before each commit.
        let result = path.withCString { followsLink ? stat($0, &status) : lstat($0, &status) }
        guard result == 0 else { return nil }
        self.init(status)
    }

    /// Asks for the file that is open; nil when it isn't.
    package init?(descriptor: CInt) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    init(_ status: stat) {
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
    }
}
