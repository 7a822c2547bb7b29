import Glibc
import SluiceCore

/// The file of a listening Unix socket: made beside its name with mode 0600, then moved over it, so that nobody can
/// connect before the mode is set and a stale file is replaced in one step.
struct UnixSocketFile {
    /// Tells the file from one that another process put there later.
    struct Identity: Equatable {
        let device: UInt64
        let inode: UInt64
    }

    /// Where publishers connect.
    let path: String

    /// Where the socket is bound, before it is moved.
    var bindingPath: String { path + "~" }

    /// Makes sure that what stands at the path, if anything, is a socket.
    /// - Throws: ``LinkError`` with code `cannotBind`.
    func check() throws(LinkError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw failure("can't be looked at")
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw LinkError(
                .cannotBind,
                "The link socket '\(path)' can't be made: another file, not a socket, has this name."
            )
        }
    }

    /// Moves the bound socket to its name.
    /// - Throws: ``LinkError`` with code `cannotBind`.
    func publish() throws(LinkError) -> Identity {
        guard chmod(bindingPath, 0o600) == 0 else { throw failure("can't be made private") }
        guard let identity = identity(of: bindingPath) else { throw failure("has vanished") }
        guard rename(bindingPath, path) == 0 else { throw failure("can't be moved to its name") }
        return identity
    }

    /// Removes the file if it is still the one that was published.
    func remove(_ identity: Identity) {
        if self.identity(of: path) == identity { unlink(path) }
    }

    private func identity(of path: String) -> Identity? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    private func failure(_ what: String) -> LinkError {
        LinkError(
            .cannotBind,
            "The link socket '\(path)' \(what): \(String(cString: strerror(errno))) (errno \(errno))."
        )
    }
}
