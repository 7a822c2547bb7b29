public import SluiceCore

/// What a publisher process is told at its start.
///
/// The settings' names, defaults and meanings stand in docs/operations.md.
public struct PublisherConfiguration: Sendable {
    /// The data directory that it shares with the gateway.
    public var dataDirectory: String
    /// The queue by which records are taken from the log.
    public var queue = PublishersQueue(.sqs)
    /// Batches that may be on their way at once.
    public var workers = 4
    /// Largest number of records in a batch.
    public var batchMaximumRecords = 256
    /// Largest sum of encoded records in a batch, bytes; one record alone may be larger.
    public var batchMaximumBytes = 1024 * 1024
    /// How long a batch that isn't full waits for more.
    ///
    /// Zero: what has gathered leaves at once, and batches grow by themselves under load.
    public var batchWindow: Duration = .zero
    /// How long a received record is hidden from other publishers before it is taken for lost.
    public var visibilityTimeout: Duration = .seconds(30)
    /// Shortest wait before a record is delivered again to a gateway that didn't take it.
    public var retryMinimum: Duration = .milliseconds(100)
    /// Longest such wait.
    public var retryMaximum: Duration = .seconds(5)
    /// Attempts to deliver a record, after which a refusal makes it a dead letter; 0 for no limit.
    public var maximumAttempts = 100
    /// Age after which a refusal makes a record a dead letter; zero for no limit.
    public var maximumRecordAge: Duration = .zero
    /// The message queue for dead letters.
    public var deadLetterQueue = QueueID(alreadyChecked: "publishers-dead-letters")
    /// How long a drain waits for receipts before the rest is given back to the queue.
    public var drainTimeout: Duration = .seconds(10)
    /// The shared secret of delivery links over TCP.
    public var linkSecret: String?
    /// A PEM file with the authorities of gateways' certificates, for links over TLS; nil believes the system's.
    public var linkAuthorities: String?
    /// Where `/healthz`, `/readyz`, `/metrics` and `/latency` are served.
    public var operationsHost = "127.0.0.1"
    /// Port of the same; 0 takes a free one, which the registry and the log then name.
    public var operationsPort = 0
    /// Size of the change log's map, bytes.
    public var logMapSizeBytes = 16 * 1024 * 1024 * 1024

    /// Starts from the defaults.
    public init(dataDirectory: String) { self.dataDirectory = dataDirectory }
}

/// Why a publisher can't start.
public typealias PublisherError = CodedError<PublisherErrorCode>

/// What kind of failure it is.
public enum PublisherErrorCode: String, Sendable {
    /// The data directory, the log, the consumer state or the registry can't be opened.
    case dataDirectory
    /// The address of `/healthz` and `/metrics` can't be bound.
    case operationsAddress
    /// A setting doesn't make sense.
    case configuration
}
