import SluiceCore

/// Secrets that may be given as they are or as a file, and who else can read them.
extension Settings {
    /// The settings that name a file with a secret, beside those that the authorizers read themselves.
    private static let secretFiles = [Setting.linkSecretFile, .webhookTokenFile]

    /// The secret that is set itself, or that a file holds.
    /// - Throws: `configuration` when both are set, or the file can't be used.
    func secret(_ setting: Setting, file: Setting) throws(CommandError) -> String? {
        guard case .text(let path)? = self[file] else {
            guard case .text(let secret)? = self[setting] else { return nil }
            return secret
        }
        guard self[setting] == nil else {
            throw CommandError(.configuration, "\(setting.flag) and \(file.flag) are both set: leave one out.")
        }
        return try SettingsFile(path: path, name: "The file of \(file.flag)").secret()
    }

    /// The files with secrets that everyone on the machine can read, and what they hold.
    func readableSecrets(for part: Setting.Part) -> [(path: String, what: String)] {
        var readable: [(path: String, what: String)] = []
        for setting in Settings.secretFiles where setting.parts.contains(part) {
            guard case .text(let path)? = self[setting] else { continue }
            if SettingsFile(path: path, name: "").isWorldReadable { readable.append((path, setting.name)) }
        }
        let inFile = Setting.all.filter { $0.isSecret && source(of: $0) == .file }
        if let path = configurationFile, !inFile.isEmpty, SettingsFile(path: path, name: "").isWorldReadable {
            readable.append((path, inFile.map(\.key).joined(separator: ", ")))
        }
        return readable
    }
}
