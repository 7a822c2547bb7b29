import Glibc

/// Directories: made so that they survive a power cut, and listed.
package enum Directory {
    /// Makes the directory at `path` and its parents.
    /// - Throws: with the directory that couldn't be made.
    package static func make(_ path: String, mode: UInt32 = 0o750) throws(SystemError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else { throw cannotUse(path, ENOTDIR) }
            return
        }
        let parent = parent(of: path)
        if parent != path { try make(parent) }
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw cannotUse(path, errno) }
        // Some file systems can't sync a directory; the log's own commits don't depend on it.
        try? sync(parent)
    }

    /// Writes a directory's entries to disk.
    package static func sync(_ path: String) throws(SystemError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY)
        guard descriptor >= 0 else { throw cannotUse(path, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw cannotUse(path, errno) }
    }

    /// Calls `body` with the name of each entry, in no order, those of the directory itself and its parent included; does nothing when it can't be
    /// read.
    /// - Returns: whether it could be read.
    @discardableResult
    package static func forEachEntry(of path: String, _ body: (String) -> Void) -> Bool {
        guard let entries = opendir(path) else { return false }
        defer { closedir(entries) }
        while let entry = readdir(entries) {
            body(
                withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
            )
        }
        return true
    }

    /// `path` from the root, without links resolved.
    package static func absolute(_ path: String) -> String {
        if path.utf8.first == UInt8(ascii: "/") { return path }
        guard let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return String(cString: current) + "/" + path
    }

    /// `path` from the root with all links resolved; nil when it leads nowhere.
    package static func resolved(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    /// Whether `path` is a directory, not a link to one, that belongs to this process's user.
    package static func isOwn(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid()
    }

    private static func parent(of path: String) -> String {
        var trimmed = path[...]
        while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
    }

    private static func cannotUse(_ path: String, _ number: CInt) -> SystemError {
        SystemError("The directory \(path) can't be used", number)
    }
}
