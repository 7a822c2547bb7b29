import Configuration
import PosixSupport
import SluiceCore

/// The configuration file: one JSON object whose members are the settings' keys.
enum ConfigurationFile {
    private static let name = "The configuration file"

    /// Reads and checks a file.
    /// - Throws: `configuration` when it can't be read, isn't such an object, or has a member that is no setting.
    static func provider(path: String) async throws(CommandError) -> FileProvider<JSONSnapshot> {
        let bytes = try SettingsFile(path: path, name: name).contents()
        let object: JSONValue
        do throws(JSONError) {
            object = try JSONValue(bytes)
        } catch {
            throw invalid(path, "is not JSON in UTF-8")
        }
        guard let members = object.members else { throw invalid(path, "is not a JSON object") }
        let keys = Set(Setting.all.map { ByteString($0.key) })
        for member in members where !keys.contains(member.key) {
            let plain = member.key.string.filter { $0 != "-" && $0 != "_" }
            let nearest = keys.first { $0.equalsIgnoringASCIICase(ByteString(plain)) }
            throw invalid(
                path,
                "has the member '\(member.key.string.printable(limit: 40))', which is no setting"
                    + (nearest.map { "; did you mean \($0)?" } ?? " (docs/operations.md lists them)")
            )
        }
        do {
            return try await FileProvider<JSONSnapshot>(
                config: ConfigReader(
                    provider: InMemoryProvider(values: ["filePath": ConfigValue(.string(path), isSecret: false)])
                )
            )
        } catch {
            throw invalid(path, "can't be used: \(error)")
        }
    }

    private static func invalid(_ path: String, _ reason: String) -> CommandError {
        CommandError(.configuration, "\(name) \(path.printable(limit: 200)) \(reason).")
    }
}

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
