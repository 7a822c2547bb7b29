import ArgumentParser

/// Flags that are settings: each is declared with its ``Setting`` and bears the name of its ``Setting/key``, in upper or lower case.
protocol SettingOptions: ParsableArguments {}

extension SettingOptions {
    /// The settings among the flags, with what was given for them on the command line.
    var given: [(setting: Setting, text: String?)] {
        Mirror(reflecting: self).children.compactMap { child in
            guard let name = child.label?.dropFirst(),
                let setting = Setting.all.first(where: { $0.key.lowercased() == name.lowercased() })
            else {
                return nil
            }
            switch child.value {
            case let option as Option<String?>: return (setting, option.wrappedValue)
            case let flag as Flag<Bool?>: return (setting, flag.wrappedValue.map(String.init))
            default: return nil
            }
        }
    }
}

extension Option {
    /// The flag of a setting; its value is checked when all sources have been looked at.
    init(_ setting: Setting) where Value == String? {
        let completion: CompletionKind? = if case .choice(let names) = setting.kind { .list(names) } else { nil }
        self.init(name: .customLong(setting.name), help: setting.help, completion: completion)
    }
}

extension Flag where Value == Bool? {
    /// The flag of a setting that is on or off: `--echo`, `--no-echo`.
    init(_ setting: Setting) {
        self.init(name: .customLong(setting.name), inversion: .prefixedNo, help: setting.help)
    }
}

extension Setting {
    fileprivate var help: ArgumentHelp {
        ArgumentHelp(
            fallback.map { "\(meaning) Default: \($0)." } ?? meaning,
            valueName: form
        )
    }
}
