import Glibc

/// An advisory lock on a file (`flock`): the kernel drops it in the moment in which its process dies.
public final class FileLock: Sendable {
    private let descriptor: Int32

    /// Locks the file at `path`, and makes it when there is none.
    /// - Parameters:
    ///   - path: the file.
    ///   - isExclusive: whether nobody else may have it, shared or not.
    ///   - waits: whether to wait for the others; otherwise the lock is nil when they have it.
    /// - Throws: `cannotOpen`.
    public init?(_ path: String, isExclusive: Bool, waits: Bool) throws(ChangeQueueError) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw FileLock.cannotLock(path, errno) }
        let operation = (isExclusive ? LOCK_EX : LOCK_SH) | (waits ? 0 : LOCK_NB)
        while flock(descriptor, operation) != 0 {
            let number = errno
            if number == EINTR { continue }
            guard number == EWOULDBLOCK else { throw FileLock.cannotLock(path, number) }
            return nil
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Whether `path` still leads to the locked file.
    func isStill(at path: String) -> Bool {
        var (own, other) = (stat(), stat())
        guard fstat(descriptor, &own) == 0, stat(path, &other) == 0 else { return false }
        return own.st_ino == other.st_ino && own.st_dev == other.st_dev
    }

    private static func cannotLock(_ path: String, _ number: Int32) -> ChangeQueueError {
        ChangeQueueError(
            .cannotOpen,
            "The lock \(path) can't be used: \(String(cString: strerror(number))). May this user write there?"
        )
    }
}
