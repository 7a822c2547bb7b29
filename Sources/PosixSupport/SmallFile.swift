import Glibc

/// What the system says about a file: whether it is one, and what changes when it is written or replaced.
package struct FileStamp: Hashable, Sendable {
    /// Which file it is.
    package let identity: FileIdentity
    /// When its content, or a directory's entries, changed, nanoseconds since 1970.
    package let changedAtNanoseconds: UInt64
    /// Its size.
    package let byteCount: Int
    /// Whether it is a file, not a directory, a device or a pipe.
    package let isRegular: Bool
    /// Whether others than its owner and group may read it.
    package let isWorldReadable: Bool

    /// Asks for the file at `path`, symbolic links followed; nil when there is none, and `errno` says why.
    package init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        identity = FileIdentity(status)
        changedAtNanoseconds =
            UInt64(clamping: status.st_mtim.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: status.st_mtim.tv_nsec)
        byteCount = Int(clamping: status.st_size)
        isRegular = status.st_mode & S_IFMT == S_IFREG
        isWorldReadable = status.st_mode & S_IROTH != 0
    }
}

/// Files that are read whole.
package enum SmallFile {
    /// The file's content; nil when it is larger than `maximumBytes`.
    ///
    /// It blocks, also on a pipe that nobody writes to.
    /// - Throws: when it can't be read.
    package static func read(_ path: String, maximumBytes: Int) throws(SystemError) -> [UInt8]? {
        let operation = "The file \(path) can't be read"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError(operation) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            // The method's name hides the system call's within the type.
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError(operation) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= maximumBytes else { return nil }
        }
    }
}
