import ArgumentParser

/// The publisher's flags.
struct PublisherOptions: SettingOptions {
    @Option(.workers) var workers: String?
    @Option(.batchRecords) var batchRecords: String?
    @Option(.batchBytes) var batchBytes: String?
    @Option(.batchWindow) var batchWindow: String?
    @Option(.visibilityTimeout) var visibilityTimeout: String?
    @Option(.retryMinimum) var retryMinimum: String?
    @Option(.retryMaximum) var retryMaximum: String?
    @Option(.drainTimeout) var drainTimeout: String?
    @Option(.operationsHost) var operationsHost: String?
    @Option(.operationsPort) var operationsPort: String?
}
