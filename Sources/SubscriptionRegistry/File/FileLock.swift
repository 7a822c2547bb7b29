import Glibc
import SluiceCore

/// An advisory lock between processes, held while a closure runs; the kernel releases that of a process that dies.
struct FileLock: Sendable {
    let path: String

    /// Waits for the lock and runs `body` under it.
    /// - Throws: `cannotOpen` when the lock file can't be made, and what `body` throws.
    func withLock<Result>(_ body: () throws(RegistryError) -> Result) throws(RegistryError) -> Result {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("open") }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw failure("lock") }
        }
        return try body()
    }

    private func failure(_ operation: String) -> RegistryError {
        let reason = String(cString: strerror(errno))
        return RegistryError(
            .cannotOpen,
            "The registry can't \(operation) \(path): \(reason). "
                + "Check that the directory exists and that this user may write there."
        )
    }
}
