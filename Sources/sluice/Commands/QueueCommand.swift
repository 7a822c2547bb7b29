import ArgumentParser
import ChangeQueue
import LMDBLog
import QueueEngine
import SluiceCore

/// `sluice queue …`: looks at the publishers' queue and works with message queues, whether or not the processes run.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Look at the publishers' queue, and work with message queues; with or without the processes running.",
        discussion: """
            Without a name 'depth', 'peek' and 'oldest' are about the publishers' queue, whose messages are the log's records. All else is \
            about message queues, which a gateway offers with --queue-api; docs/semantics.md says what they do. Everything works on the \
            data directory itself.
            """,
        subcommands: [
            QueueDepthCommand.self, QueuePeekCommand.self, QueueOldestCommand.self,
            QueueListCommand.self, QueueShowCommand.self, QueueCreateCommand.self, QueueSetCommand.self,
            QueueDeleteCommand.self, QueueSendCommand.self, QueueReceiveCommand.self, QueueRedriveCommand.self,
            QueueMoveCommand.self, QueuePurgeCommand.self, QueueTrimCommand.self,
        ]
    )
}

/// `sluice queue depth`: how many records or messages wait, in which state.
struct QueueDepthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "depth",
        abstract:
            "Show visible, in-flight and delayed records or messages, the oldest one's age, and how full the log is."
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var report: ReportOptions
    @Argument(help: "A message queue; the publishers' queue when not given.") var name: String?
    @Flag(help: "Show the topics with the most waiting records, too.") var byTopic = false
    @Option(help: "Topics to show at most.") var limit = 20

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit is a number from 1 to 10000.") }
        guard name == nil || !byTopic else {
            throw ValidationError("A message queue has no topics: leave --by-topic out.")
        }
    }

    func run() async throws {
        let settings = try await common.settings()
        if let name { return try await runOnMessages(of: try QueueID(argument: name), settings) }
        do {
            let queue = try QueueView(settings)
            try await Watch.run(isOn: report.watch, isJSON: report.json) {
                let depth = try queue.depth()
                let topics = byTopic ? try queue.depthByTopic(limit: limit) : nil
                return report.json ? DepthReport.json(depth, topics).text + "\n" : DepthReport.table(depth, topics)
            }
        } catch {
            throw CommandError(error)
        }
    }

    private func runOnMessages(of id: QueueID, _ settings: Settings) async throws {
        let inspector = try MessageQueueOptions.look(settings)
        do {
            try await Watch.run(isOn: report.watch, isJSON: report.json) {
                let depth = try MessageQueueDepth(id, inspector)
                return report.json ? depth.json.text + "\n" : depth.table
            }
        } catch {
            throw CommandError(error)
        }
    }
}

/// `sluice queue peek`: the oldest records or messages, without taking them.
struct QueuePeekCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peek",
        abstract: "Show the oldest records that aren't delivered yet, or a message queue's oldest messages; takes none."
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var report: ReportOptions
    @Argument(help: "A message queue; the publishers' queue when not given.") var name: String?
    @Option(help: "Records or messages to show at most.") var count = 10

    func validate() throws {
        guard (1...10_000).contains(count) else { throw ValidationError("--count is a number from 1 to 10000.") }
    }

    func run() async throws {
        let settings = try await common.settings()
        if let name { return try await runOnMessages(of: try QueueID(argument: name), settings) }
        do {
            let queue = try QueueView(settings)
            try await Watch.run(isOn: report.watch, isJSON: report.json) {
                let records = try queue.peek(count)
                return report.json ? PeekReport.json(records) + "\n" : PeekReport.table(records)
            }
        } catch {
            throw CommandError(error)
        }
    }

    private func runOnMessages(of id: QueueID, _ settings: Settings) async throws {
        let inspector = try MessageQueueOptions.look(settings)
        do {
            try await Watch.run(isOn: report.watch, isJSON: report.json) {
                let queue = try inspector.existing(id)
                let now = StageClock.wallNanoseconds()
                let messages = try inspector.messages(of: queue, maximum: count, nowNanoseconds: now)
                return report.json
                    ? MessageReport.json(peeked: messages) + "\n"
                    : MessageReport.table(peeked: messages, isFIFO: queue.isFIFO)
            }
        } catch {
            throw CommandError(error)
        }
    }
}

/// `sluice queue oldest`: the record that has waited for longest.
struct QueueOldestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oldest",
        abstract: "Show the record that has waited for longest."
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var report: ReportOptions

    func run() async throws {
        let settings = try await common.settings()
        do {
            let queue = try QueueView(settings)
            try await Watch.run(isOn: report.watch, isJSON: report.json) {
                let records = try queue.peek(1)
                if report.json { return (records.first.map { PeekReport.object($0).text } ?? "null") + "\n" }
                return records.isEmpty ? "No record waits.\n" : PeekReport.table(records)
            }
        } catch {
            throw CommandError(error)
        }
    }
}
