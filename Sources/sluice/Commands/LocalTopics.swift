import ArgumentParser
import LocalStorage
import QueueEngine
import Queues
import SluiceCore

/// The topics of a data directory, opened for changes, whether or not processes run on it.
enum LocalTopics {
    /// Calls `body` with the topics and closes them.
    /// - Throws: ``CommandError``.
    static func run(_ common: CommonOptions, _ body: (TopicService) async throws -> Void) async throws {
        // A subscription to a topic of the change log appends records.
        try await MessageQueueOptions.change(try await common.settings(), appendsRecords: true) { files in
            try await body(files.topics)
        }
    }

    /// A topic by its name or its ARN.
    static func name(_ text: String) throws(QueueError) -> TopicName {
        text.utf8.starts(with: "arn:".utf8) ? try TopicARN.topic(of: text) : try TopicName(ByteString(text))
    }
}

/// What `sluice topic` shows.
enum TopicReport {
    static func table(_ topics: [MessageTopic]) -> String {
        guard !topics.isEmpty else { return "There are no topics.\n" }
        var table = TextTable([
            ("TOPIC", .left), ("SUBSCRIPTIONS", .right), ("PENDING", .right), ("DISPLAY NAME", .left),
        ])
        for topic in topics {
            table.add([
                topic.name.description, "\(topic.confirmed)", "\(topic.pending)",
                topic.attributes.displayName.printable(limit: 60),
            ])
        }
        return table.text()
    }

    static func table(_ subscriptions: [TopicSubscription], _ waiting: [MessageID: Int]) -> String {
        guard !subscriptions.isEmpty else { return "It has no subscriptions.\n" }
        var table = TextTable([
            ("PROTOCOL", .left), ("ENDPOINT", .left), ("STATE", .left), ("WAITING", .right), ("SUBSCRIPTION", .left),
        ])
        for one in subscriptions {
            table.add([
                one.protocol.rawValue, one.endpoint.printable(limit: 60),
                one.state == .confirmed ? "confirmed" : "pending", waiting[one.id].map { "\($0)" } ?? "-", one.arn,
            ])
        }
        return table.text()
    }

    static func json(_ topic: MessageTopic) -> JSONObject {
        var object = JSONObject()
        object.add("name", topic.name.description)
        object.add("arn", topic.arn)
        object.add("confirmed", topic.confirmed)
        object.add("pending", topic.pending)
        object.add("attributes", json(topic.attributes.values))
        return object
    }

    static func json(_ subscription: TopicSubscription, waiting: Int? = nil) -> JSONObject {
        var object = JSONObject()
        object.add("arn", subscription.arn)
        object.add("protocol", subscription.protocol.rawValue)
        object.add("endpoint", subscription.endpoint)
        object.add("state", subscription.state == .confirmed ? "confirmed" : "pending")
        if let waiting { object.add("waiting", waiting) }
        object.add("attributes", json(subscription.attributes.values))
        return object
    }

    private static func json(_ values: [(name: String, value: String)]) -> JSONObject {
        var object = JSONObject()
        for (name, value) in values { object.add(name, value) }
        return object
    }
}
