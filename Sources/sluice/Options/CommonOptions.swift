import ArgumentParser
import Foundation

/// The flags of every command.
struct CommonOptions: SettingOptions {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("JSON file with settings; SLUICE_CONFIG names it too.", valueName: "file")
    )
    var configurationFile: String?
    @Option(.data) var data: String?
    @Option(.queue) var queue: String?
    @Option(.logLevel) var logLevel: String?
    @Option(.logFormat) var logFormat: String?

    /// Looks all settings up, with the flags of the command's other groups.
    /// - Throws: ``CommandError`` for a value that a setting can't have.
    func settings(_ others: any SettingOptions...) async throws(CommandError) -> Settings {
        try await Settings(
            flags: CommonOptions.flags([self] + others),
            file: configurationFile,
            environment: ProcessInfo.processInfo.environment
        )
    }

    /// What was given, by the settings' names.
    static func flags(_ options: [any SettingOptions]) -> [String: String] {
        var flags: [String: String] = [:]
        for (setting, text) in options.flatMap(\.given) { flags[setting.name] = text }
        return flags
    }
}

/// The flags that gateway and publisher share beyond the common ones; both must be given the same.
struct StorageOptions: SettingOptions {
    @Option(.logMapSize) var logMapSize: String?
    @Option(.linkSecret) var linkSecret: String?
    @Option(.linkSecretFile) var linkSecretFile: String?
}

/// What `sluice up` tells the processes that it starts.
struct ChildOptions: ParsableArguments {
    @Flag(
        name: .customLong("until-standard-input-closes"),
        help: ArgumentHelp("Drain and end when standard input is closed.", visibility: .hidden)
    )
    var untilStandardInputCloses = false
}

/// The flags of commands that print a report.
struct ReportOptions: ParsableArguments {
    @Flag(help: "One JSON text a report, for programs.") var json = false
    @Flag(help: "Print again each second until stopped.") var watch = false
}
