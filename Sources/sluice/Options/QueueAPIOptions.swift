import ArgumentParser
import Gateway

/// The gateway's flags for message queues and topics.
struct QueueAPIOptions: SettingOptions {
    @Flag(
        Setting(
            "queue-api",
            .onOff,
            default: "false",
            for: [.gateway],
            "Whether POST / answers SQS's API for message queues, without asking who it is: for loopback and trusted networks only."
        )
        .fills(gateway: \.offersQueueAPI)
    )
    var queueAPI: Bool?
    @Option(
        Setting(
            "queue-series",
            .number(0...1_000),
            default: "100",
            for: [.gateway],
            "Message queues with metrics of their own, the first ones by name; all others are counted together as (others)."
        )
        .fills(gateway: \.queueSeries)
    )
    var queueSeries: String?
    @Option(
        Setting(
            "sns-endpoints",
            .list,
            for: [.gateway],
            "Hosts that topics' messages may be posted to: names, addresses, *.example.com, * for all; none when not set."
        )
        .fills(gateway: \.notificationHosts)
    )
    var snsEndpoints: String?
    @Option(
        Setting(
            "sns-url",
            .text,
            for: [.gateway],
            "Scheme and host by which topics' endpoints reach the gateway, for SubscribeURL and SigningCertURL; where it listens when not set."
        )
        .fills(gateway: \.notificationURL)
    )
    var snsURL: String?
}
