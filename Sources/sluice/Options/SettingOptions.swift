import ArgumentParser
import Synchronization

/// Flags that are settings: each is declared in its `@Option` or `@Flag`, and its property bears the name of its ``Setting/key``, in upper
/// or lower case.
protocol SettingOptions: ParsableArguments {}

extension SettingOptions {
    /// The settings that the group declares.
    ///
    /// A property wrapper can't be asked for what it was made with, so they are noted while the group is made.
    static var settings: [Setting] {
        let declared = DeclaredSettings()
        DeclaredSettings.$noting.withValue(declared) { _ = Self() }
        return declared.settings.withLock { $0 }
    }

    /// The settings among the flags, with what was given for them on the command line.
    var given: [(setting: Setting, text: String?)] {
        let settings = Self.settings
        return Mirror(reflecting: self).children.compactMap { child in
            guard let name = child.label?.dropFirst().lowercased(),
                let setting = settings.first(where: { $0.key.lowercased() == name })
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

/// The settings of the flags that are being made.
private final class DeclaredSettings: Sendable {
    @TaskLocal static var noting: DeclaredSettings?

    let settings = Mutex<[Setting]>([])

    static func note(_ setting: Setting) { noting?.settings.withLock { $0.append(setting) } }
}

extension Option {
    /// The flag of a setting; its value is checked when all sources have been looked at.
    init(_ setting: Setting) where Value == String? {
        DeclaredSettings.note(setting)
        let completion: CompletionKind? = if case .choice(let names) = setting.kind { .list(names) } else { nil }
        self.init(name: .customLong(setting.name), help: setting.help, completion: completion)
    }
}

extension Flag where Value == Bool? {
    /// The flag of a setting that is on or off: `--echo`, `--no-echo`.
    init(_ setting: Setting) {
        DeclaredSettings.note(setting)
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
