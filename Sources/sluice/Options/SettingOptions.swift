import ArgumentParser

/// Flags that are settings: each is declared with its ``Setting`` and listed once more in ``given``, which a test compares with the table.
protocol SettingOptions: ParsableArguments {
    /// What was given on the command line.
    var given: [(setting: Setting, text: String?)] { get }
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
