import PosixSupport
import SluiceCore

/// A file that settings come from: the configuration file, or one that holds a secret.
struct SettingsFile {
    /// Largest file that is read, bytes.
    static let maximumBytes = 1024 * 1024

    let path: String
    /// What it is, for messages: "The configuration file".
    let name: String

    /// The file's bytes.
    /// - Throws: `configuration` when it can't be read, is no file or too large.
    func contents() throws(CommandError) -> [UInt8] {
        guard let stamp = FileStamp(path: path) else { throw invalid("can't be read: \(SystemError.lastReason)") }
        guard stamp.isRegular else { throw invalid("is not a file") }
        let bytes: [UInt8]?
        do throws(SystemError) {
            bytes = try SmallFile.read(path, maximumBytes: SettingsFile.maximumBytes)
        } catch {
            throw invalid("can't be read: \(error.reason)")
        }
        guard let bytes else { throw invalid("has more than \(SettingsFile.maximumBytes) bytes") }
        return bytes
    }

    /// The secret that the file holds; line ends at its end aren't part of it.
    /// - Throws: `configuration` when it can't be read, is empty or isn't text.
    func secret() throws(CommandError) -> String {
        var bytes = try contents()
        while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard let secret = String(validating: bytes, as: UTF8.self), !secret.isEmpty else {
            throw invalid("holds no secret: it is empty or not UTF-8")
        }
        return secret
    }

    /// Whether others than the file's owner and group may read it.
    var isWorldReadable: Bool { FileStamp(path: path)?.isWorldReadable ?? false }

    private func invalid(_ reason: String) -> CommandError {
        CommandError(.configuration, "\(name) \(path.printable(limit: 200)) \(reason).")
    }
}
