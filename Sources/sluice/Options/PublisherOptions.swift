import ArgumentParser
import Publisher

/// The publisher's flags.
struct PublisherOptions: SettingOptions {
    @Option(
        Setting(
            "workers",
            .number(1...1_024),
            default: "4",
            for: [.publisher],
            "Batches that may be on their way at once."
        )
        .fills(publisher: \.workers)
    )
    var workers: String?
    @Option(
        Setting(
            "batch-records",
            .number(1...10_000),
            default: "256",
            for: [.publisher],
            "Most records in a batch."
        )
        .fills(publisher: \.batchMaximumRecords)
    )
    var batchRecords: String?
    @Option(
        Setting(
            "batch-bytes",
            .bytes(1_024...1 << 25),
            default: "1MiB",
            for: [.publisher],
            "Most bytes in a batch; one record alone may be larger."
        )
        .fills(publisher: \.batchMaximumBytes)
    )
    var batchBytes: String?
    @Option(
        Setting(
            "batch-window",
            .duration(.zero...(.seconds(60))),
            default: "0",
            for: [.publisher],
            "How long a batch that isn't full waits for more; 0: what has gathered leaves at once."
        )
        .fills(publisher: \.batchWindow)
    )
    var batchWindow: String?
    @Option(
        Setting(
            "visibility-timeout",
            .duration(.seconds(1)...(.seconds(43_200))),
            default: "30s",
            for: [.publisher],
            "How long a received record is hidden from other publishers before it is taken for lost."
        )
        .fills(publisher: \.visibilityTimeout)
    )
    var visibilityTimeout: String?
    @Option(
        Setting(
            "retry-minimum",
            .duration(.milliseconds(1)...(.seconds(60))),
            default: "100ms",
            for: [.publisher],
            "Shortest wait before a record is delivered again to a gateway that didn't take it."
        )
        .fills(publisher: \.retryMinimum)
    )
    var retryMinimum: String?
    @Option(
        Setting(
            "retry-maximum",
            .duration(.milliseconds(1)...(.seconds(3_600))),
            default: "5s",
            for: [.publisher],
            "Longest such wait."
        )
        .fills(publisher: \.retryMaximum)
    )
    var retryMaximum: String?
    @Option(
        Setting(
            "maximum-attempts",
            .number(0...1_000_000),
            default: "100",
            for: [.publisher],
            "Attempts to deliver a record after which a gateway's refusal makes it a dead letter; 0: no limit."
        )
        .fills(publisher: \.maximumAttempts)
    )
    var maximumAttempts: String?
    @Option(
        Setting(
            "maximum-record-age",
            .duration(.zero...(.seconds(1_209_600))),
            default: "0",
            for: [.publisher],
            "Age after which a gateway's refusal makes a record a dead letter; 0: no limit."
        )
        .fills(publisher: \.maximumRecordAge)
    )
    var maximumRecordAge: String?
    @Option(
        Setting(
            "dead-letter-queue",
            .queueName,
            default: "publishers-dead-letters",
            for: [.publisher],
            "The message queue for records that gateways keep refusing; it is made with the first of them."
        )
        .fills(publisher: \.deadLetterQueue)
    )
    var deadLetterQueue: String?
    @Option(
        Setting(
            "drain-timeout",
            .duration(.zero...(.seconds(3_600))),
            default: "10s",
            for: [.publisher],
            "How long after SIGTERM the publisher waits for receipts before it gives the rest back to the queue."
        )
        .fills(publisher: \.drainTimeout)
    )
    var drainTimeout: String?
    @Option(
        Setting(
            "operations-host",
            .text,
            default: "127.0.0.1",
            for: [.publisher],
            "Address of the publisher's /healthz, /readyz, /metrics and /latency."
        )
        .fills(publisher: \.operationsHost)
    )
    var operationsHost: String?
    @Option(
        Setting(
            "operations-port",
            .number(0...65_535),
            default: "0",
            for: [.publisher],
            "Port of the same; 0 takes a free one."
        )
        .fills(publisher: \.operationsPort)
    )
    var operationsPort: String?
}
