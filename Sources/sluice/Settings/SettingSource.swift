/// Where a setting's value came from, in the order of precedence.
enum SettingSource: Int, CaseIterable, Sendable {
    case flag
    case environment
    case file

    /// The setting as it is called there, for messages.
    func name(of setting: Setting, file: String?) -> String {
        switch self {
        case .flag: setting.flag
        case .environment: setting.environmentVariable
        case .file: "\(setting.key) in \(file ?? "the configuration file")"
        }
    }
}
