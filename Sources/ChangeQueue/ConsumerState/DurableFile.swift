import Glibc

/// Small files that are replaced as a whole and survive a power cut.
enum DurableFile {
    private static let maximumBytes = 64 * 1024

    /// Replaces the file at `path`; a reader finds the old or the new content, never a part.
    /// - Throws: `cannotOpen` with the system's reason.
    static func replace(_ path: String, with bytes: [UInt8]) throws(ChangeQueueError) {
        let temporary = path + "." + String(UInt64.random(in: 0 ... .max), radix: 36)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw cannotWrite(path, errno) }
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let number = errno
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            let reason = isWritten ? errno : number
            unlink(temporary)
            throw cannotWrite(path, reason)
        }
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try DataDirectory.sync(directory)
    }

    /// The file's content; nil when it doesn't exist or can't be read.
    static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maximumBytes)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        return count >= 0 ? Array(bytes.prefix(count)) : nil
    }

    private static func cannotWrite(_ path: String, _ number: Int32) -> ChangeQueueError {
        ChangeQueueError(.cannotOpen, "The file \(path) can't be written: \(String(cString: strerror(number))).")
    }
}
