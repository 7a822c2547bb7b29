import Glibc
import PosixSupport
import SluiceCore

/// The file of a listening Unix socket: made beside its name with mode 0600, then moved over it, so that nobody can
/// connect before the mode is set and a stale file is replaced in one step.
struct UnixSocketFile {
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
    func publish() throws(LinkError) -> FileIdentity {
        guard chmod(bindingPath, 0o600) == 0 else { throw failure("can't be made private") }
        guard let identity = FileIdentity(path: bindingPath, followsLink: false) else { throw failure("has vanished") }
        guard rename(bindingPath, path) == 0 else { throw failure("can't be moved to its name") }
        return identity
    }

    /// Whether nothing stands at the path any more.
    var isGone: Bool { FileIdentity(path: path, followsLink: false) == nil }

    /// Removes the file if it is still the one that was published.
    func remove(_ identity: FileIdentity) {
        if FileIdentity(path: path, followsLink: false) == identity { unlink(path) }
    }

    private func failure(_ what: String) -> LinkError {
        LinkError(
            .cannotBind,
            "The link socket '\(path)' \(what): \(String(cString: strerror(errno))) (errno \(errno))."
        )
    }
}
