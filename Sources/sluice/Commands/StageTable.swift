import SluiceCore
import StageLatency

/// The stages' figures as commands print them.
enum StageTable {
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
