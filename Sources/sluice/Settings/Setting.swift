import ChangeQueue
import Gateway
import Publisher
import SluiceCore

/// One thing that an operator may choose: as a flag, an environment variable or a member of the configuration file, in this precedence.
///
/// The three names follow from one: `drain-window` is the flag `--drain-window`, the variable `SLUICE_DRAIN_WINDOW` and the member
/// `drainWindow`. The table of all settings stands in `Setting+Table.swift`, and docs/operations.md shows it.
struct Setting: Sendable {
    /// What a setting's value may be.
    enum Kind: Sendable {
        case text
        case number(ClosedRange<Int>)
        case onOff
        /// Written with a unit: `250ms`, `30s`, `5m`, `24h`.
        case duration(ClosedRange<Duration>)
        /// Written with a unit or without: `65536`, `64KiB`, `1MiB`, `16GiB`.
        case bytes(ClosedRange<Int>)
        case choice([String])
        /// Separated by commas; an array in the configuration file.
        case list
    }

    /// Which processes a setting is for.
    enum Part: String, Sendable, CaseIterable {
        case gateway
        case publisher
    }

    /// The flag without its hyphens.
    let name: String
    let kind: Kind
    /// What it is when it isn't set, written as one would set it; nil: nothing.
    let fallback: String?
    let parts: Set<Part>
    /// Whether its value is kept out of logs.
    let isSecret: Bool
    /// For people, one sentence.
    let meaning: String
    /// Where the value goes; some are looked up by name instead.
    private(set) var gateway: Fill<GatewayConfiguration>?
    private(set) var publisher: Fill<PublisherConfiguration>?
    private(set) var authorizer: Fill<AuthorizerConfiguration>?

    init(
        _ name: String,
        _ kind: Kind,
        default fallback: String? = nil,
        for parts: Set<Part>,
        isSecret: Bool = false,
        _ meaning: String
    ) {
        self.name = name
        self.kind = kind
        self.fallback = fallback
        self.parts = parts
        self.isSecret = isSecret
        self.meaning = meaning
    }

    /// Puts a value into a configuration.
    typealias Fill<Configuration> = @Sendable (_ value: SettingValue, _ configuration: inout Configuration) -> Void
    /// A property of a configuration.
    typealias Property<Configuration, Value> = WritableKeyPath<Configuration, Value> & Sendable

    /// The setting whose value is that property of the gateway's configuration.
    func fills<Value: SettingConvertible>(gateway property: any Property<GatewayConfiguration, Value>) -> Setting {
        var setting = self
        setting.gateway = Setting.fill(property)
        return setting
    }

    /// The same of the publisher's.
    func fills<Value: SettingConvertible>(publisher property: any Property<PublisherConfiguration, Value>) -> Setting {
        var setting = self
        setting.publisher = Setting.fill(property)
        return setting
    }

    /// The same of the authorizer's.
    func fills<Value: SettingConvertible>(authorizer property: any Property<AuthorizerConfiguration, Value>) -> Setting
    {
        var setting = self
        setting.authorizer = Setting.fill(property)
        return setting
    }

    private static func fill<Root, Value: SettingConvertible>(_ property: any Property<Root, Value>) -> Fill<Root> {
        { value, configuration in if let value = Value(value) { configuration[keyPath: property] = value } }
    }

    var flag: String { "--\(name)" }

    var environmentVariable: String {
        "SLUICE_" + name.uppercased().split(separator: "-").joined(separator: "_")
    }

    /// The member of the configuration file.
    var key: String {
        name.split(separator: "-").enumerated()
            .map { $0.offset == 0 ? String($0.element) : $0.element.prefix(1).uppercased() + $0.element.dropFirst() }
            .joined()
    }

    /// What the value looks like, for help and the documentation.
    var form: String {
        switch kind {
        case .text: "text"
        case .number: "number"
        case .onOff: "true/false"
        case .duration: "duration"
        case .bytes: "bytes"
        case .choice(let names): names.joined(separator: "/")
        case .list: "list"
        }
    }
}

/// Every setting there is. docs/operations.md shows the table, a test compares them.
extension Setting {
    static let all: [Setting] = common + gateway + authorization + publisher

    private static let both = Set(Part.allCases)

    static let data = Setting(
        "data",
        .text,
        default: "./sluice-data",
        for: both,
        "The data directory: change log, consumer state, registry and sockets; it is made when it doesn't exist."
    )
    .fills(gateway: \.dataDirectory)
    .fills(publisher: \.dataDirectory)
    static let queue = Setting(
        "queue",
        .choice(QueueSemantics.allCases.map(\.rawValue)),
        default: "sqs",
        for: both,
        "How publishers take records from the log; the gateway only labels its figures with it."
    )
    .fills(gateway: \.queue)
    .fills(publisher: \.semantics)
    static let logLevel = Setting(
        "log-level",
        .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
        default: "info",
        for: both,
        "The least important log lines that are written, to standard error."
    )
    static let logFormat = Setting(
        "log-format",
        .choice(LogFormat.allCases.map(\.rawValue)),
        default: "text",
        for: both,
        "Log lines for people, or one JSON object a line."
    )
    static let logMapSize = Setting(
        "log-map-size",
        .bytes(1 << 20...1 << 44),
        default: "16GiB",
        for: both,
        "Size of the change log's map. The file is sparse; when it is full, publishes are answered 503 QueueFull."
    )
    .fills(gateway: \.log.mapSizeBytes)
    .fills(publisher: \.logMapSizeBytes)
    static let linkSecret = Setting(
        "link-secret",
        .text,
        for: both,
        isSecret: true,
        "What both ends of a TCP delivery link prove to know, 32 random bytes or more. Better as a variable or as --link-secret-file."
    )
    static let linkSecretFile = Setting("link-secret-file", .text, for: both, "File with such a secret.")

    static let common = [data, queue, logLevel, logFormat, logMapSize, linkSecret, linkSecretFile]
}
