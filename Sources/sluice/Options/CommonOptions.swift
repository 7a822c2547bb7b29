import ArgumentParser
import ChangeQueue
import Foundation
import Gateway
import Publisher
import SluiceCore

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
    func settings(_ others: [any SettingOptions] = []) async throws(CommandError) -> Settings {
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

/// What is also looked up by name.
extension Setting {
    static let data = Setting(
        "data",
        .text,
        default: "./sluice-data",
        for: Set(Part.allCases),
        "The data directory: change log, consumer state, registry and sockets; it is made when it doesn't exist."
    )
    .fills(gateway: \.dataDirectory)
    .fills(publisher: \.dataDirectory)
    static let queue = Setting(
        "queue",
        .queue,
        default: "sqs",
        for: Set(Part.allCases),
        """
        How publishers take records from the log: sqs, sns or stream, or a queue of another name, at first with its kind (orders:stream). \
        The gateway only labels its figures with it.
        """
    )
    .fills(gateway: \.queue)
    .fills(publisher: \.queue)
    static let logLevel = Setting(
        "log-level",
        .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
        default: "info",
        for: Set(Part.allCases),
        "The least important log lines that are written, to standard error."
    )
    static let logFormat = Setting(
        "log-format",
        .choice(LogFormat.allCases.map(\.rawValue)),
        default: "text",
        for: Set(Part.allCases),
        "Log lines for people, or one JSON object a line."
    )
    static let logMapSize = Setting(
        "log-map-size",
        .bytes(1 << 20...1 << 44),
        default: "16GiB",
        for: Set(Part.allCases),
        "Size of the change log's map. The file is sparse; when it is full, publishes are answered 503 QueueFull."
    )
    .fills(gateway: \.log.mapSizeBytes)
    .fills(publisher: \.logMapSizeBytes)
    static let linkSecret = Setting(
        "link-secret",
        .text,
        for: Set(Part.allCases),
        isSecret: true,
        "What both ends of a TCP delivery link prove to know, 32 random bytes or more. Better as a variable or as --link-secret-file."
    )
    static let linkSecretFile = Setting("link-secret-file", .text, for: Set(Part.allCases), "File with such a secret.")
}
