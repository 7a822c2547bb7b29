import ChangeQueue
import Glibc
import PosixSupport

/// A short run directory in `/tmp` while this process uses it: checked to be this user's alone, and removed by the last process that leaves it.
final class RunDirectoryUse: Sendable {
    /// The directory.
    let path: String
    private let descriptor: Int32

    /// Makes the directory at `path` if there is none; nil when what is there belongs to someone else, or others may enter it.
    init?(_ path: String) {
        // In a sticky directory nobody else can take away what is ours between the check and the use.
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { return nil }
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        var own = stat()
        guard fstat(descriptor, &own) == 0, own.st_uid == geteuid(), own.st_mode & 0o077 == 0,
            flock(descriptor, LOCK_SH) == 0,
            // Another process may have left and removed it just now.
            FileIdentity(path: path, followsLink: false) == FileIdentity(descriptor: descriptor)
        else {
            close(descriptor)
            return nil
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        // With the lock alone nobody else is in it; with a killed process's files in it it stays.
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { rmdir(path) }
        close(descriptor)
    }
}
