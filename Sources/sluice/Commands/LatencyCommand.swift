import ArgumentParser
import ChangeQueue
import LMDBLog
import SluiceCore
import StageLatency
import SubscriptionRegistry

/// `sluice latency`: how long each stage of a record's way takes, over all processes.
struct LatencyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency",
        abstract: "Show the latency of each stage, measured by the running processes, or one record's own times.",
        discussion:
            """
            Microseconds: of the last 10 seconds, minute and five minutes, and since the processes started. \
            'hop' is the durable hop: request accepted to in the publisher's hands.
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var report: ReportOptions
    @Option(
        help: ArgumentHelp("Show the times of one record: its id (5f2a91c0-18) or sequence number.", valueName: "id")
    ) var record: String?

    func validate() throws {
        guard let record, UInt64(record) == nil, RecordID(record) == nil else { return }
        throw ValidationError("--record is a record id such as 5f2a91c0-18, or a sequence number.")
    }

    func run() async throws {
        let settings = try await common.settings()
        do {
            if let id = record.flatMap(RecordID.init) { try checkLog(of: id, settings) }
            let processes = try RegistryView(settings)
            let client = LatencyClient()
            try await Watch.run(isOn: report.watch, isJSON: report.json) {
                let addresses =
                    try processes.gateways().map(\.operationsAddress) + processes.publishers().map(\.operationsAddress)
                guard !addresses.isEmpty else {
                    throw CommandError(
                        .unavailable,
                        "No gateway and no publisher runs on this data directory: start them, or choose another --data."
                    )
                }
                if let record { return try await times(of: record, from: addresses, client) }
                return try await stages(from: addresses, client)
            }
        } catch {
            throw CommandError(error)
        }
    }

    /// The processes know their records by sequence numbers, which other logs have too.
    private func checkLog(of record: RecordID, _ settings: Settings) throws(CommandError) {
        let directory = settings.text(.data, otherwise: "./sluice-data")
        // Without a log there is no process to ask either, and that is said better elsewhere.
        guard let log = try? ChangeLog.openReadOnly(directory: directory + "/log"), log.logID != record.logID else {
            return
        }
        throw CommandError(.noInput, "Record \(record) is of another log than that of the data directory \(directory).")
    }

    private func stages(from addresses: [String], _ client: LatencyClient) async throws -> String {
        let reports = try await client.reports(from: addresses)
        let stages = LatencyReport.merged(reports)
        let windows = LatencyReport.Window.Length.allCases.map { ($0, LatencyReport.merged(reports, $0)) }
        if report.json { return StageTable.json(stages, windows) + "\n" }
        if stages.isEmpty { return "Nothing has been measured yet: publish something.\n" }
        return StageTable.table(stages, windows).text()
    }

    private func times(of record: String, from addresses: [String], _ client: LatencyClient) async throws -> String {
        guard let trace = try await client.trace(of: record, from: addresses) else {
            throw CommandError(
                .noInput,
                "No running process has the times of record \(record): they keep those of recent records."
            )
        }
        if report.json { return String(decoding: trace.json(), as: UTF8.self) + "\n" }
        var table = TextTable([("STAGE", .left), ("µs", .right)])
        for (stage, microseconds) in trace.stages { table.add([stage.rawValue, String(microseconds)]) }
        return "record \(trace.sequence)\n" + table.text()
    }
}

/// The stages' figures as commands print them.
enum StageTable {
    /// The figures of late, by window.
    typealias Windows = [(length: LatencyReport.Window.Length, stages: [StageSummary])]

    /// For people: of late, and since the start.
    static func table(_ stages: [StageSummary], _ windows: Windows) -> TextTable {
        var columns: [(String, TextTable.Alignment)] = [("STAGE", .left)]
        for window in windows {
            columns += [("P50 \(window.length.rawValue)", .right), ("P99 \(window.length.rawValue)", .right)]
        }
        columns += [("P50 µs", .right), ("P90 µs", .right), ("P99 µs", .right), ("MAX µs", .right), ("COUNT", .right)]
        var table = TextTable(columns)
        for stage in stages {
            let recent = windows.flatMap { window -> [String] in
                guard let figures = window.stages.first(where: { $0.stage == stage.stage }) else { return ["-", "-"] }
                return [String(figures.p50), String(figures.p99)]
            }
            table.add(
                [stage.stage.rawValue] + recent + [
                    String(stage.p50), String(stage.p90), String(stage.p99), String(stage.max), String(stage.count),
                ]
            )
        }
        return table
    }

    /// For programs: an array in one line, each stage with its windows.
    static func json(_ stages: [StageSummary], _ windows: Windows) -> String {
        let objects = stages.map { stage in
            JSONWriter.object { json in
                stage.writeMembers(to: &json)
                json.name("windows")
                json.object { json in
                    for window in windows {
                        guard let figures = window.stages.first(where: { $0.stage == stage.stage }) else { continue }
                        json.name(window.length.rawValue)
                        json.object { figures.writeMembers(to: &$0) }
                    }
                }
            }
        }
        return "[" + objects.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ",") + "]"
    }

    /// For people.
    static func table(_ stages: [StageSummary]) -> TextTable {
        var table = TextTable([
            ("STAGE", .left), ("P50 µs", .right), ("P90 µs", .right), ("P99 µs", .right), ("MAX µs", .right),
            ("COUNT", .right),
        ])
        for stage in stages {
            table.add([
                stage.stage.rawValue, String(stage.p50), String(stage.p90), String(stage.p99), String(stage.max),
                String(stage.count),
            ])
        }
        return table
    }

    /// For programs: an array in one line.
    static func json(_ stages: [StageSummary]) -> String {
        "[" + stages.map { String(decoding: $0.json, as: UTF8.self) }.joined(separator: ",") + "]"
    }
}
