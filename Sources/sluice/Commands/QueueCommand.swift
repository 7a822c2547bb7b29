import ArgumentParser
import ChangeQueue
import SluiceCore

/// `sluice queue …`: looks at the queue, whether or not the processes run.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Look at the queue; reads the data directory only, with or without the processes running.",
        subcommands: [QueueDepthCommand.self, QueuePeekCommand.self, QueueOldestCommand.self]
    )
}

/// `sluice queue depth`: how many records wait, in which state, and how full the log is.
struct QueueDepthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "depth",
        abstract: "Show visible, in-flight and delayed records, the oldest one's age, and how full the log is."
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var report: ReportOptions
    @Flag(help: "Show the topics with the most waiting records, too.") var byTopic = false
    @Option(help: "Topics to show at most.") var limit = 20

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit is a number from 1 to 10000.") }
    }

    func run() async throws {
        let settings = try await common.settings()
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
}

/// `sluice queue peek`: the oldest records that wait, without taking them.
struct QueuePeekCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peek",
        abstract: "Show the oldest records that aren't delivered yet; takes none."
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var report: ReportOptions
    @Option(help: "Records to show at most.") var count = 10

    func validate() throws {
        guard (1...10_000).contains(count) else { throw ValidationError("--count is a number from 1 to 10000.") }
    }

    func run() async throws {
        let settings = try await common.settings()
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
