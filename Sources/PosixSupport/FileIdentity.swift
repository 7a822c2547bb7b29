import Glibc

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
        guard (followsLink ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
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
