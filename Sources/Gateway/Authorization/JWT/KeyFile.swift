import Logging
import PosixSupport

/// A file with keys.
///
/// Reads are blocking and short: key files are small, and are read at start and after a change.
struct KeyFile: Sendable {
    /// Largest file that is read, bytes.
    static let maximumBytes = 1024 * 1024

    let path: String

    /// What changes when the file is written or replaced; nil when there is no such file.
    var stamp: FileStamp? { FileStamp(path: path) }

    /// Whether others than the file's owner and group may read it.
    var isWorldReadable: Bool { stamp?.isWorldReadable ?? false }

    /// The file's bytes.
    /// - Throws: ``AuthorizerConfigurationError`` with code `unreadableFile`.
    func read() throws(AuthorizerConfigurationError) -> [UInt8] {
        let bytes: [UInt8]?
        do throws(SystemError) {
            bytes = try SmallFile.read(path, maximumBytes: KeyFile.maximumBytes)
        } catch {
            throw unreadable(error.reason)
        }
        guard let bytes else {
            throw unreadable("it is larger than \(KeyFile.maximumBytes) bytes, so it can't be a key file")
        }
        return bytes
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
