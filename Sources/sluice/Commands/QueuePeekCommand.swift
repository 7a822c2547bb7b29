import ArgumentParser

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
