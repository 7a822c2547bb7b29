import ArgumentParser
import LMDBLog
import QueueEngine
import Queues
import SluiceCore

/// `sluice queue create`: makes a message queue.
struct QueueCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a message queue; one that is there with these attributes is left as it is.",
        discussion: """
            A queue whose name ends with .fifo keeps the messages of a group in order. Attributes have SQS's names and values, such as \
            VisibilityTimeout=60, or RedrivePolicy='{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:orders-dead",\
            "maxReceiveCount":5}'.
            """
    )

    @OptionGroup var options: MessageQueueOptions
    @Argument(help: "The queue's name.") var name: String
    @Flag(help: "Make a FIFO queue; its name must end with .fifo, and then it is one anyway.") var fifo = false
    @Option(
        name: .customLong("attribute"),
        help: ArgumentHelp("An attribute; may be repeated.", valueName: "Name=Value")
    )
    var attributes: [NamedValue] = []
    @Option(name: .customLong("tag"), help: ArgumentHelp("A tag; may be repeated.", valueName: "Key=Value"))
    var tags: [NamedValue] = []
    @Flag(help: "One JSON object, for programs.") var json = false

    func run() async throws {
        let id = try QueueID(argument: name)
        var values = attributes.map { (name: $0.name, value: $0.value) }
        let isFIFO =
            fifo || id.name.utf8.suffix(FIFOAttributes.nameSuffix.count).elementsEqual(FIFOAttributes.nameSuffix.utf8)
        if isFIFO, !values.contains(where: { $0.name == "FifoQueue" }) { values.append(("FifoQueue", "true")) }
        let tags = tags.map { QueueTag(key: $0.name, value: $0.value) }
        guard Set(tags.map(\.key)).count == tags.count else {
            throw CommandError(.usage, "A tag's key stands there twice.")
        }
        let report = try await options.change { service in
            _ = try await service.create(id, values, tags: tags)
            return try MessageQueueReport(id, service)
        }
        Terminal.write(json ? report.json.text + "\n" : "The queue \(id) is there.\n")
    }
}

/// `sluice queue set`: changes a message queue's attributes.
struct QueueSetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Change attributes and tags of a message queue.",
        discussion:
            "An empty value takes RedrivePolicy or RedriveAllowPolicy away. Whoever uses the queue has the new values at once."
    )

    @OptionGroup var options: MessageQueueOptions
    @Argument(help: "The queue's name.") var name: String
    @Option(
        name: .customLong("attribute"),
        help: ArgumentHelp("An attribute by SQS's name; may be repeated.", valueName: "Name=Value")
    )
    var attributes: [NamedValue] = []
    @Option(name: .customLong("tag"), help: ArgumentHelp("A tag; may be repeated.", valueName: "Key=Value"))
    var tags: [NamedValue] = []
    @Option(name: .customLong("untag"), help: ArgumentHelp("A tag to take away; may be repeated.", valueName: "key"))
    var untags: [String] = []
    @Flag(help: "One JSON object, for programs.") var json = false

    func validate() throws {
        guard !(attributes.isEmpty && tags.isEmpty && untags.isEmpty) else {
            throw ValidationError("Name something to change with --attribute, --tag or --untag.")
        }
    }

    func run() async throws {
        let id = try QueueID(argument: name)
        let report = try await options.change { service in
            _ = try service.queue(id)
            if !attributes.isEmpty { try await service.set(attributes.map { ($0.name, $0.value) }, of: id) }
            if !tags.isEmpty || !untags.isEmpty {
                try await service.tag(
                    id,
                    with: tags.map { QueueTag(key: $0.name, value: $0.value) },
                    without: untags.map { ByteString($0) }
                )
            }
            return try MessageQueueReport(id, service)
        }
        Terminal.write(json ? report.json.text + "\n" : "The queue \(id) is changed.\n")
    }
}

/// `sluice queue delete`: removes a message queue and its messages.
struct QueueDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Remove a message queue with all its messages; asks first."
    )

    @OptionGroup var options: MessageQueueOptions
    @Argument(help: "The queue's name.") var name: String
    @Flag(help: "Don't ask.") var yes = false
    @Flag(help: "One JSON object, for programs.") var json = false

    func run() async throws {
        let id = try QueueID(argument: name)
        let removed = try await options.change { service in
            let queue = try service.queue(id)
            let messages = try service.figures(of: queue).total
            let sources = try service.deadLetterSources(of: id)
            let warning =
                sources.isEmpty
                ? "" : ", where dead letters of \(sources.map(\.id.description).joined(separator: ", ")) go"
            try Confirmation.ask("Delete the queue \(id) with \(messages) messages\(warning)", isGiven: yes)
            try await service.delete(id)
            return messages
        }
        guard json else { return Terminal.write("The queue \(id) is deleted.\n") }
        Terminal.write(MessageQueueReport.removed(removed, from: id).text + "\n")
    }
}

/// `sluice queue list`: the message queues with their figures.
struct QueueListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the message queues with their figures; only reads."
    )

    @OptionGroup var options: MessageQueueOptions
    @OptionGroup var report: ReportOptions
    @Option(help: "Only queues whose names begin so.") var prefix = ""

    func run() async throws {
        let inspector = try await options.look()
        do {
            try await Watch.run(isOn: report.watch, isJSON: report.json) {
                let queues = try inspector.queues(prefix: ByteString(prefix))
                let now = StageClock.wallNanoseconds()
                let rows = try queues.map { ($0, try inspector.figures(of: $0, nowNanoseconds: now)) }
                return report.json ? MessageQueueReport.json(list: rows) + "\n" : MessageQueueReport.table(list: rows)
            }
        } catch {
            throw CommandError(error)
        }
    }
}

/// `sluice queue show`: everything about one message queue.
struct QueueShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a message queue's attributes, figures, tags, and whose dead letters it gets; only reads."
    )

    @OptionGroup var options: MessageQueueOptions
    @OptionGroup var report: ReportOptions
    @Argument(help: "The queue's name.") var name: String

    func run() async throws {
        let id = try QueueID(argument: name)
        let inspector = try await options.look()
        do {
            try await Watch.run(isOn: report.watch, isJSON: report.json) {
                let queue = try inspector.existing(id)
                let shown = MessageQueueReport(
                    queue: queue,
                    figures: try inspector.figures(of: queue, nowNanoseconds: StageClock.wallNanoseconds()),
                    sources: try inspector.queues().filter { $0.attributes.redrive?.deadLetterQueue == id }.map(\.id)
                )
                return report.json ? shown.json.text + "\n" : shown.table
            }
        } catch {
            throw CommandError(error)
        }
    }
}
