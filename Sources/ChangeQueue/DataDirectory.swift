import Glibc

/// Making directories so that they survive a power cut.
enum DataDirectory {
    /// Makes the directory at `path` and its parents.
    /// - Throws: `cannotOpen`, with the directory that couldn't be made.
    static func make(_ path: String, mode: mode_t = 0o750) throws(ChangeQueueError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else { throw cannotMake(path, ENOTDIR) }
            return
        }
        let parent = parent(of: path)
        if parent != path { try make(parent) }
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw cannotMake(path, errno) }
        // Some file systems can't sync a directory; the log's own commits don't depend on it.
        try? sync(parent)
    }

    /// Writes a directory's entries to disk.
    static func sync(_ path: String) throws(ChangeQueueError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY)
        guard descriptor >= 0 else { throw cannotMake(path, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw cannotMake(path, errno) }
    }

    /// `path` from the root, without links resolved.
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return String(cString: current) + "/" + path
    }

    private static func parent(of path: String) -> String {
        var trimmed = path[...]
        while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
    }

    private static func cannotMake(_ path: String, _ number: Int32) -> ChangeQueueError {
        ChangeQueueError(
            .cannotOpen,
            """
            The directory \(path) can't be used: \(String(cString: strerror(number))). \
            Check that this user may write there.
            """
        )
    }
}
