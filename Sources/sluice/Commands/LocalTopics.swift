import ArgumentParser
import ChangeQueue
import Glibc
import LMDBLog
import Logging
import QueueEngine
import Queues
import SluiceCore

/// The topics of a data directory, opened for changes, whether or not processes run on it.
struct LocalTopics {
    let service: TopicService
    private let store: LMDBMessageQueues
    private let writer: LogWriter

    /// Opens the log and the queues of the data directory.
    /// - Throws: `noInput` when there is no log.
    private init(_ settings: Settings) throws {
        let directory = settings.text(.data, otherwise: "./sluice-data")
        var configuration = ChangeLogConfiguration(directory: directory + "/log")
        // As the processes have it; and nothing is trimmed here, whatever they keep.
        configuration.mapSizeBytes = try ChangeLog.openReadOnly(directory: directory + "/log").configuration
            .mapSizeBytes
        configuration.retentionAge = .seconds(3_153_600_000)
        configuration.retentionBytes = 1 << 44
        var logger = Logger(label: "sluice.topic")
        logger.logLevel = .error
        writer = LogWriter(
            log: try ChangeLog.open(configuration),
            doorbell: DoorbellRinger(try RunDirectory(data: directory)),
            logger: logger
        )
        store = try LMDBMessageQueues(writer: writer, directory: directory + "/queues", logger: logger)
        let queues = MessageQueueService(store: store, logger: logger)
        service = TopicService(store: store, queues: queues, logger: logger)
    }

    /// Calls `body` with the topics and closes them.
    /// - Throws: ``CommandError``.
    static func run(_ common: CommonOptions, _ body: (TopicService) async throws -> Void) async throws {
        let settings = try await common.settings()
        do {
            let topics = try LocalTopics(settings)
            defer {
                topics.writer.shutdown()
                try? topics.store.close()
            }
            try await body(topics.service)
        } catch let error as QueueError {
            throw CommandError(LocalTopics.status(error.code), error.message)
        } catch {
            throw CommandError(error)
        }
    }

    private static func status(_ code: QueueError.Code) -> CommandStatus {
        switch code {
        case .noSuchTopic, .noSuchQueue, .invalidHandle: .noInput
        case .full, .unavailable, .storage: .inputOutput
        default: .usage
        }
    }

    /// A topic by its name or its ARN.
    static func name(_ text: String) throws(QueueError) -> TopicName {
        text.utf8.starts(with: "arn:".utf8) ? try TopicARN.topic(of: text) : try TopicName(ByteString(text))
    }

    /// Asks on a terminal whether to go on.
    /// - Throws: ``CommandError``, `usage`, when nobody can be asked, or the answer isn't yes.
    static func confirm(_ question: String, isAnswered: Bool) throws(CommandError) {
        if isAnswered { return }
        guard isatty(STDIN_FILENO) == 1 else {
            throw CommandError(.usage, "\(question) Nobody can be asked here: give --yes.")
        }
        Terminal.writeError("\(question) [y/N] ")
        guard ["y", "yes"].contains(ByteString(readLine() ?? "").lowercasedASCII) else {
            throw CommandError(.usage, "Nothing was changed.")
        }
    }
}

/// Attributes on a command line: `NAME=VALUE`.
struct NamedValue: ExpressibleByArgument, Sendable {
    let name: ByteString
    let value: String

    init?(argument: String) {
        let bytes = Array(argument.utf8)
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")), equals > 0 else { return nil }
        name = ByteString(decoding: bytes[..<equals])
        value = String(decoding: bytes[(equals + 1)...], as: UTF8.self)
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
