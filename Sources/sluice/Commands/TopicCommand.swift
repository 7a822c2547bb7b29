import ArgumentParser
import QueueEngine
import Queues
import SluiceCore

/// `sluice topic …`: makes, shows and uses SNS's topics, whether or not the processes run.
struct TopicCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topic",
        abstract: "Make, show and use topics (SNS) of the data directory, with or without the processes running.",
        subcommands: [
            TopicCreateCommand.self, TopicListCommand.self, TopicShowCommand.self, TopicDeleteCommand.self,
            TopicSubscribeCommand.self, TopicUnsubscribeCommand.self, TopicConfirmCommand.self,
            TopicPublishCommand.self,
        ]
    )
}

/// `sluice topic create`.
struct TopicCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Make a topic.")

    @OptionGroup var common: CommonOptions
    @Flag(help: "One JSON text, for programs.") var json = false
    @Option(help: "An attribute as NAME=VALUE, such as DisplayName=Orders; may be repeated.") var attribute:
        [NamedValue] = []
    @Argument(help: "The topic's name.") var name: String

    func run() async throws {
        try await LocalTopics.run(common) { topics in
            let values = attribute.map { (name: $0.name, value: $0.value) }
            let topic = try await topics.create(try LocalTopics.name(name), values)
            Terminal.write((json ? TopicReport.json(topic).text : topic.arn) + "\n")
        }
    }
}

/// `sluice topic list`.
struct TopicListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the topics.")

    @OptionGroup var common: CommonOptions
    @Flag(help: "One JSON text, for programs.") var json = false
    @Option(help: "Topics to list at most.") var limit = 1_000

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit is a number from 1 to 10000.") }
    }

    func run() async throws {
        try await LocalTopics.run(common) { topics in
            let found = try topics.topics(after: nil, maximum: limit)
            Terminal.write(json ? JSONObject.array(found.map(TopicReport.json)) + "\n" : TopicReport.table(found))
        }
    }
}

/// `sluice topic show`.
struct TopicShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract:
            "Show a topic with its subscriptions, and how many messages wait for each that is delivered over HTTP."
    )

    @OptionGroup var common: CommonOptions
    @Flag(help: "One JSON text, for programs.") var json = false
    @Option(help: "Subscriptions to show at most.") var limit = 1_000
    @Argument(help: "The topic's name or ARN.") var name: String

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit is a number from 1 to 10000.") }
    }

    func run() async throws {
        try await LocalTopics.run(common) { topics in
            let topic = try topics.topic(try LocalTopics.name(name))
            let found = try topics.subscriptions(of: topic.name, after: nil, maximum: limit)
            var waiting: [MessageID: Int] = [:]
            for one in found where one.protocol.isDeliveredOverHTTP {
                let figures = try topics.queues.figures(of: try topics.queues.queue(one.queueID))
                waiting[one.id] = figures.visible + figures.inFlight + figures.delayed
            }
            guard json else {
                Terminal.write(TopicReport.table([topic]) + "\n" + TopicReport.table(found, waiting))
                return
            }
            var object = TopicReport.json(topic)
            object.add("subscriptions", found.map { TopicReport.json($0, waiting: waiting[$0.id]) })
            Terminal.write(object.text + "\n")
        }
    }
}

/// `sluice topic delete`.
struct TopicDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Remove a topic with its subscriptions and what waits for them."
    )

    @OptionGroup var common: CommonOptions
    @Flag(help: "Don't ask.") var yes = false
    @Argument(help: "The topic's name or ARN.") var name: String

    func run() async throws {
        try await LocalTopics.run(common) { topics in
            let topic = try topics.topic(try LocalTopics.name(name))
            try Confirmation.ask(
                "Delete the topic \(topic.name) with its \(topic.confirmed + topic.pending) subscriptions",
                isGiven: yes
            )
            try await topics.delete(topic.name)
        }
    }
}

/// `sluice topic subscribe`.
struct TopicSubscribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subscribe",
        abstract: "Subscribe a queue, a URL or a topic of the change log."
    )

    @OptionGroup var common: CommonOptions
    @Flag(help: "One JSON text, for programs.") var json = false
    @Option(name: .customLong("protocol"), help: "sqs, http, https or sluice.") var kind: String
    @Option(help: "A queue's name or ARN, a URL, or the name of a topic of the change log.") var endpoint: String
    @Option(help: "An attribute as NAME=VALUE, such as RawMessageDelivery=true; may be repeated.") var attribute:
        [NamedValue] = []
    @Argument(help: "The topic's name or ARN.") var name: String

    func validate() throws {
        guard SubscriptionProtocol(rawValue: kind) != nil else {
            throw ValidationError("--protocol is sqs, http, https or sluice.")
        }
    }

    func run() async throws {
        try await LocalTopics.run(common) { topics in
            guard let kind = SubscriptionProtocol(rawValue: kind) else { return }
            let values = attribute.map { (name: $0.name, value: $0.value) }
            let made = try await topics.subscribe(to: try LocalTopics.name(name), kind, endpoint: endpoint, values)
            Terminal.write((json ? TopicReport.json(made).text : made.arn) + "\n")
            guard !json, made.state == .pendingConfirmation else { return }
            Terminal.writeError("A gateway asks the endpoint to confirm; 'sluice topic confirm' does it for it.\n")
        }
    }
}

/// `sluice topic unsubscribe`.
struct TopicUnsubscribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unsubscribe",
        abstract: "Remove a subscription with what waits for it."
    )

    @OptionGroup var common: CommonOptions
    @Flag(help: "Don't ask.") var yes = false
    @Argument(help: "The subscription's ARN.") var subscription: String

    func run() async throws {
        try await LocalTopics.run(common) { topics in
            let (name, id) = try TopicARN.subscription(of: subscription)
            let found = try topics.subscription(id, of: name)
            try Confirmation.ask(
                "Remove the subscription of \(found.endpoint.printable(limit: 80)) to \(name)",
                isGiven: yes
            )
            try await topics.unsubscribe(id, from: name)
        }
    }
}

/// `sluice topic confirm`.
struct TopicConfirmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm",
        abstract: "Confirm a subscription in the place of its endpoint."
    )

    @OptionGroup var common: CommonOptions
    @Flag(help: "One JSON text, for programs.") var json = false
    @Argument(help: "The subscription's ARN.") var subscription: String

    func run() async throws {
        try await LocalTopics.run(common) { topics in
            let (name, id) = try TopicARN.subscription(of: subscription)
            let confirmed = try await topics.confirm(.id(id), of: name)
            Terminal.write((json ? TopicReport.json(confirmed).text : confirmed.arn) + "\n")
        }
    }
}

/// `sluice topic publish`.
struct TopicPublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "publish", abstract: "Publish a message to a topic.")

    @OptionGroup var common: CommonOptions
    @Flag(help: "One JSON text, for programs.") var json = false
    @Option(help: "The message's subject.") var subject: String?
    @Option(help: "An attribute of the message as NAME=VALUE, a String; may be repeated.") var attribute: [NamedValue] =
        []
    @Option(help: "The group, which a FIFO topic keeps in order.") var group: String?
    @Option(help: "By what a FIFO topic knows a second publish; another one each time when not given.")
    var deduplicationID: String?
    @Argument(help: "The topic's name or ARN.") var name: String
    @Argument(help: "The message.") var message: String

    func validate() throws {
        guard deduplicationID == nil || group != nil else {
            throw ValidationError("--deduplication-id wants a --group.")
        }
    }

    func run() async throws {
        try await LocalTopics.run(common) { topics in
            var attributes: [MessageAttribute] = []
            for one in attribute {
                let made = MessageAttribute(name: one.name, type: "String", value: .string(one.value))
                if let violation = made.violation {
                    throw QueueError(
                        .invalidMessage,
                        "The attribute \(one.name.string.printable(limit: 60)) isn't valid: \(violation)."
                    )
                }
                attributes.append(made)
            }
            let id = MessageID.random()
            let sent = try TopicMessage(
                id: id,
                text: message,
                subject: subject,
                attributes: attributes,
                groupID: group.map { ByteString($0) },
                deduplicationID: group == nil ? nil : ByteString(deduplicationID ?? id.description),
                publishedAtNanoseconds: StageClock.wallNanoseconds()
            )
            let publication = try await topics.publish([sent], to: try LocalTopics.name(name))
            guard json else {
                Terminal.write("\(sent.id)\n")
                return
            }
            var object = JSONObject()
            object.add("messageId", sent.id.description)
            object.add("queues", publication.queues.count - publication.forHTTP)
            object.add("endpoints", publication.forHTTP)
            object.add("records", publication.records)
            object.add("deadLetters", publication.deadLetters)
            object.add("dropped", publication.dropped)
            Terminal.write(object.text + "\n")
        }
    }
}
