import Glibc

/// Small files that are replaced as a whole and survive a power cut.
package enum DurableFile {
    private static let maximumBytes = 64 * 1024

    /// Replaces the file at `path`; a reader finds the old or the new content, never a part.
    package static func replace(_ path: String, with bytes: [UInt8]) throws(SystemError) {
        let operation = "The file \(path) can't be written"
        let temporary = path + "." + String(UInt64.random(in: 0 ... .max), radix: 36)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw SystemError(operation) }
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let number = errno
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            let reason = isWritten ? errno : number
            unlink(temporary)
            throw SystemError(operation, reason)
        }
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try Directory.sync(directory)
    }

    /// Makes the file at `path` with this content, unless there is one: of several who do so, one's is kept.
    package static func create(_ path: String, with bytes: [UInt8], mode: UInt32) throws(SystemError) {
        let operation = "The file \(path) can't be written"
        let temporary = path + "." + String(UInt64.random(in: 0 ... .max), radix: 36)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw SystemError(operation) }
        defer { unlink(temporary) }
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let number = errno
        close(descriptor)
        guard isWritten else { throw SystemError(operation, number) }
        guard link(temporary, path) == 0 || errno == EEXIST else { throw SystemError(operation) }
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try Directory.sync(directory)
    }

    /// The file's content, its first 64 KiB; nil when it doesn't exist or can't be read.
    package static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maximumBytes)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        return count >= 0 ? Array(bytes.prefix(count)) : nil
    }

    /// Whether this process may read the file at `path`; in `errno` stands why not.
    package static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

    /// Whether there is a file at `path`.
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes an empty file at `path` unless there is one.
    package static func makeEmpty(_ path: String, mode: UInt32) {
        let descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, mode)
        if descriptor >= 0 { close(descriptor) }
    }

    /// Removes the file at `path`, if there is one.
    package static func remove(_ path: String) { unlink(path) }

    /// Moves a file over another one's name.
    /// - Returns: whether it was there and could be moved; in `errno` stands why not.
    @discardableResult
    package static func move(_ path: String, to other: String) -> Bool { rename(path, other) == 0 }
}

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
        // Not `stat(path, …)`, which copies the path into an array: this is asked before each commit.
        guard path.withCString({ stat($0, &status) }) == 0 else { return nil }
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
