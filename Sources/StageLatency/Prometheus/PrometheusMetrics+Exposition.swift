import SluiceCore
import Synchronization

/// The text that `/metrics` answers.
extension PrometheusMetrics {
    /// The media type of the text.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All metrics sorted by name, then the stages' latencies, in Prometheus' text format 0.0.4.
    ///
    /// `stages`: the histograms to write instead of those that the registry was made with.
    public func exposition(stages: StageHistograms? = nil) -> [UInt8] {
        let (cells, help, refused) = state.withLock { (Array($0.cells.values), $0.help, $0.refusedSeries) }
        let sorted = cells.sorted { ($0.series.name, $0.series.labels) < ($1.series.name, $1.series.labels) }
        var text = ExpositionText()
        var name = ""
        for cell in sorted {
            if cell.series.name != name {
                name = cell.series.name
                text.appendHeader(name, cell.series.kind, help: help[name] ?? PrometheusMetrics.help(name))
            }
            cell.write(to: &text)
        }
        if refused > 0 {
            let name = "sluice_metrics_refused_series_total"
            text.appendHeader(name, .counter, help: "Series that were not kept because there were too many.")
            text.appendSample(name, labels: "", value: String(refused))
        }
        if let stages = stages ?? self.stages { PrometheusMetrics.append(stages, to: &text) }
        return text.bytes
    }

    private static func append(_ histograms: StageHistograms, to text: inout ExpositionText) {
        let measured = histograms.measured()
        if measured.isEmpty { return }
        func labels(_ stage: Stage) -> String {
            ExpositionText.labels([("stage", stage.rawValue), ("queue", histograms.queue.name.string)])
        }
        text.appendHeader(
            "sluice_stage_seconds",
            .summary,
            help: "Latency of each stage of a record's way, since the process started."
        )
        for (stage, distribution) in measured {
            text.appendSummary("sluice_stage_seconds", labels: labels(stage), distribution, scale: 1e9)
        }
        text.appendHeader(
            "sluice_stage_max_seconds",
            .gauge,
            help: "Longest latency of each stage, since the process started."
        )
        for (stage, distribution) in measured {
            let value = ExpositionText.number(Double(distribution.maximumNanoseconds) / 1e9)
            text.appendSample("sluice_stage_max_seconds", labels: labels(stage), value: value)
        }
    }

    /// What the name itself says, for metrics that nobody described.
    private static func help(_ name: String) -> String {
        name.split(separator: "_").filter { $0 != "sluice" && $0 != "total" }.joined(separator: " ")
    }
}
