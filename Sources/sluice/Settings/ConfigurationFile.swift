import Configuration
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
