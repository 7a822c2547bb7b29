import SluiceCore

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
    static let queue = Setting(
        "queue",
        .choice(QueueSemantics.allCases.map(\.rawValue)),
        default: "sqs",
        for: both,
        "How publishers take records from the log; the gateway only labels its figures with it."
    )
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
