import ChangeQueue
import Gateway
import Publisher
import SluiceCore

/// One thing that an operator may choose: as a flag, an environment variable or a member of the configuration file, in this precedence.
///
/// The three names follow from one: `drain-window` is the flag `--drain-window`, the variable `SLUICE_DRAIN_WINDOW` and the member
/// `drainWindow`. Each is declared once, at its flag: see the groups in `Options`.
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
        /// A number a second, with how many may come at once behind a colon: `100`, `100:500`; 0: no limit.
        case rate
        /// The same of bytes: `64KiB`, `64KiB:1MiB`.
        case byteRate
        /// `sqs`, `sns`, `stream`, or a name, with its kind behind a colon.
        case queue
        /// The name of a message queue.
        case queueName
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
        case .rate: "rate"
        case .byteRate: "bytes"
        case .queue: "sqs/sns/stream/name:kind"
        case .queueName: "name"
        case .list: "list"
        }
    }
}

extension Setting {
    /// The groups of flags that declare settings.
    static let groups: [any SettingOptions.Type] = [
        CommonOptions.self, StorageOptions.self, GatewayOptions.self, AccessOptions.self, TLSOptions.self,
        LimitOptions.self, CompressionOptions.self, LinkTLSOptions.self, GatewayOperationsOptions.self,
        QueueAPIOptions.self, AuthorizerOptions.self, LinkAuthorityOptions.self, PublisherOptions.self,
    ]
    /// Every setting there is, in the order of the groups.
    ///
    /// docs/operations.md shows the table, a test compares them.
    static let all: [Setting] = groups.flatMap { (group: any SettingOptions.Type) in group.settings }
}
