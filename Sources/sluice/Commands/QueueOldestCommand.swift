import ArgumentParser

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
