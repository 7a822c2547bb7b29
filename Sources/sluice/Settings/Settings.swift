import Configuration
import Gateway
import Publisher
import SluiceCore

/// The settings of one run, each looked up in the flags, the environment, the configuration file and the table's defaults, and checked.
struct Settings: Sendable {
    private var values: [String: SettingValue] = [:]
    private var sources: [String: SettingSource] = [:]
    /// Variables that begin like ours and are no setting: spelling mistakes, most likely.
    private(set) var unknownVariables: [String] = []
    /// The configuration file's path, if there is one.
    private(set) var configurationFile: String?

    /// Looks all settings up.
    /// - Parameters:
    ///   - flags: what was given on the command line, by the settings' names.
    ///   - file: the configuration file's path, if there is one; `SLUICE_CONFIG` names it otherwise.
    ///   - environment: the process's variables.
    /// - Throws: `usage` for a faulty flag, `configuration` for anything else.
    init(flags: [String: String], file: String?, environment: [String: String]) async throws(CommandError) {
        var given: [AbsoluteConfigKey: ConfigValue] = [:]
        for setting in Setting.all {
            guard let text = flags[setting.name] else { continue }
            given[AbsoluteConfigKey([setting.key])] = try Settings.flag(setting, text)
        }
        // Only the settings' own variables: the file and the names are checked here, so that none is found by accident.
        let variables = Dictionary(
            uniqueKeysWithValues: Setting.all.compactMap { setting in
                environment[setting.environmentVariable].map { (setting.environmentVariable, $0) }
            }
        )
        let known = Set(Setting.all.map(\.environmentVariable)).union(Settings.otherVariables)
        unknownVariables = environment.keys.filter { $0.hasPrefix("SLUICE_") && !known.contains($0) }.sorted()

        var providers: [any ConfigProvider] = [
            InMemoryProvider(name: "flags", values: given),
            EnvironmentVariablesProvider(environmentVariables: variables).prefixKeys(with: "sluice"),
        ]
        let path = file ?? environment["SLUICE_CONFIG"]
        configurationFile = path
        if let path { providers.append(try await ConfigurationFile.provider(path: path)) }
        let outcome = AccessOutcome()
        let reader = ConfigReader(providers: providers, accessReporter: outcome)
        // The profile of limits first: what isn't set otherwise is what it says.
        for setting in [.limits] + Setting.all { try look(setting, up: reader, outcome, file: path) }
    }

    /// `SLUICE_CONFIG` names the configuration file; the others are the Makefile's and the tests'.
    static let otherVariables: Set<String> = ["SLUICE_CONFIG", "SLUICE_BINARY", "SLUICE_TEST_PORT"]

    private mutating func look(
        _ setting: Setting,
        up reader: ConfigReader,
        _ outcome: AccessOutcome,
        file: String?
    ) throws(CommandError) {
        let text = Settings.text(of: setting, in: reader)
        let (source, hasFailed) = outcome.outcome
        if let source, hasFailed {
            throw Settings.invalid(setting, source, file, "it is not of the form '\(setting.form)'")
        }
        guard let text = text ?? profile[setting.name] ?? setting.fallback else { return }
        do throws(InvalidSetting) {
            values[setting.name] = try SettingValue(text, setting.kind)
            sources[setting.name] = source
        } catch {
            throw Settings.invalid(setting, source ?? .flag, file, error.description)
        }
    }

    private var profile: [String: String] {
        guard case .text(let name)? = self[.limits] else { return [:] }
        return LimitProfile(rawValue: name)?.values ?? [:]
    }

    /// The value as text; nil when there is none or it can't be converted, which the outcome tells apart.
    private static func text(of setting: Setting, in reader: ConfigReader) -> String? {
        let key = ConfigKey([setting.key])
        switch setting.kind {
        case .number: return reader.int(forKey: key).map(String.init)
        case .onOff: return reader.bool(forKey: key).map(String.init)
        case .list: return reader.stringArray(forKey: key)?.joined(separator: ",")
        case .text, .duration, .bytes, .choice, .queue, .queueName, .rate, .byteRate:
            return reader.string(forKey: key, isSecret: setting.isSecret)
        }
    }

    private static func flag(_ setting: Setting, _ text: String) throws(CommandError) -> ConfigValue {
        do throws(InvalidSetting) {
            let value = try SettingValue(text, setting.kind)
            switch (setting.kind, value) {
            case (.number, .number(let number)): return ConfigValue(.int(number), isSecret: false)
            case (_, .onOff(let isOn)): return ConfigValue(.bool(isOn), isSecret: false)
            case (_, .list(let list)): return ConfigValue(.stringArray(list), isSecret: false)
            default: return ConfigValue(.string(text), isSecret: setting.isSecret)
            }
        } catch {
            throw invalid(setting, .flag, nil, error.description)
        }
    }

    private static func invalid(
        _ setting: Setting,
        _ source: SettingSource,
        _ file: String?,
        _ reason: String
    ) -> CommandError {
        CommandError(source == .flag ? .usage : .configuration, "\(source.name(of: setting, file: file)): \(reason).")
    }

    /// The value of a setting; nil when it has neither a value nor a default.
    subscript(_ setting: Setting) -> SettingValue? { values[setting.name] }

    /// Where the value came from; nil for the default.
    func source(of setting: Setting) -> SettingSource? { sources[setting.name] }
}

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

extension Settings {
    /// Puts each value where its declaration says; what has none stays as it is.
    func fill(_ configuration: inout GatewayConfiguration) {
        for setting in Setting.all { if let value = self[setting] { setting.gateway?(value, &configuration) } }
    }

    /// The same for the publisher.
    func fill(_ configuration: inout PublisherConfiguration) {
        for setting in Setting.all { if let value = self[setting] { setting.publisher?(value, &configuration) } }
    }

    /// The same for the gateway's authorizer.
    func fill(_ configuration: inout AuthorizerConfiguration) {
        for setting in Setting.all { if let value = self[setting] { setting.authorizer?(value, &configuration) } }
    }

    /// A setting's value as its user wants it; nil when it has none.
    func value<Value: SettingConvertible>(_ setting: Setting, as type: Value.Type = Value.self) -> Value? {
        self[setting].flatMap { Value($0) }
    }

    /// The setting's text, or what `otherwise` says.
    func text(_ setting: Setting, otherwise: String) -> String { value(setting) ?? otherwise }
}
