import Logging

import Glibc
import SluiceCore

/// A file with keys.
///
/// Reads are blocking and short: key files are small, and are read at start and after a change.
struct KeyFile: Sendable {
    /// What changes when a file is written or replaced.
    struct Stamp: Equatable, Sendable {
        let seconds: Int
        let nanoseconds: Int
        let bytes: Int
        let inode: UInt64
    }

    /// Largest file that is read, bytes.
    static let maximumBytes = 1024 * 1024

    let path: String

    /// The file's stamp; nil when there is no such file.
    var stamp: Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            seconds: Int(status.st_mtim.tv_sec),
            nanoseconds: Int(status.st_mtim.tv_nsec),
            bytes: Int(status.st_size),
            inode: UInt64(status.st_ino)
        )
    }

    /// Whether others than the file's owner and group may read it.
    var isWorldReadable: Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IROTH != 0
    }

    /// The file's bytes.
    /// - Throws: ``AuthorizerConfigurationError`` with code `unreadableFile`.
    func read() throws(AuthorizerConfigurationError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = KeyFile.readSome(descriptor, &chunk)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable(String(cString: strerror(errno))) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= KeyFile.maximumBytes else {
                throw unreadable("it is larger than \(KeyFile.maximumBytes) bytes, so it can't be a key file")
            }
        }
    }

    // The method's name hides the system call's within the type.
    private static func readSome(_ descriptor: Int32, _ chunk: inout [UInt8]) -> Int {
        chunk.withUnsafeMutableBytes { buffer in
            Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        }
    }

    private func unreadable(_ reason: String) -> AuthorizerConfigurationError {
        AuthorizerConfigurationError(.unreadableFile, "The key file '\(path)' can't be read: \(reason).")
    }
}

extension Logger {
    /// Says that a secret isn't one for the machine's other users.
    func warnOfReadableSecret(_ what: String, path: String) {
        warning("Everyone on this machine can read \(what); chmod 600 it", metadata: ["path": "\(path)"])
    }
}
