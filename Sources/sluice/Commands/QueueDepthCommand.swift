import ArgumentParser
import ChangeQueue
import SluiceCore

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
