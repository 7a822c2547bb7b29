package import CoreMetrics
import SluiceCore
import Synchronization

/// The metrics of one process: a back end for swift-metrics whose values `/metrics` writes out.
///
/// Used from any thread.
///
/// Asking twice for one name and one set of labels gives the same value. A name belongs to the type that took it first; another type
/// under the same name gets the type's name appended, for the text format allows one type a name.
package final class PrometheusMetrics: MetricsFactory {
    struct State {
        var cells: [MetricSeries: any MetricCell] = [:]
        var kinds: [String: MetricKind] = [:]
        var help: [String: String] = [:]
        var refusedSeries: Int64 = 0
    }

    /// The most series that are kept, so that labels made from outside input can't use up the memory.
    package static let maximumSeries = 10_000

    let state = Mutex(State())
    let stages: StageHistograms?

    /// Makes an empty registry.
    /// - Parameter stages: histograms that every exposition ends with.
    package init(stages: StageHistograms? = nil) {
        self.stages = stages
        ProcessMetrics.begin()
    }

    /// Says what a metric means, for its HELP line.
    package func describe(_ label: String, _ help: String) {
        state.withLock { $0.help[ExpositionText.name(label)] = help }
    }

    /// A counter.
    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        cell(label, .counter, dimensions) { CounterCell($0) }
    }

    /// A gauge that can also be moved up and down.
    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        cell(label, .gauge, dimensions) { GaugeCell($0) }
    }

    /// A histogram of whole numbers when it aggregates, a gauge otherwise.
    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate { return cell(label, .histogram, dimensions) { HistogramCell($0, scale: 1) } }
        return cell(label, .gauge, dimensions) { GaugeCell($0) }
    }

    /// A histogram in seconds; its name gets the ending `_seconds` if it hasn't got it.
    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let name = label.hasSuffix("seconds") ? label : label + "_seconds"
        return cell(name, .histogram, dimensions) { HistogramCell($0, scale: 1e9) }
    }

    /// Forgets a counter.
    package func destroyCounter(_ handler: any CounterHandler) { forget(handler) }

    /// Forgets a meter.
    package func destroyMeter(_ handler: any MeterHandler) { forget(handler) }

    /// Forgets a recorder or a gauge.
    package func destroyRecorder(_ handler: any RecorderHandler) { forget(handler) }

    /// Forgets a timer.
    package func destroyTimer(_ handler: any TimerHandler) { forget(handler) }

    private func cell<Cell: MetricCell>(
        _ label: String,
        _ kind: MetricKind,
        _ dimensions: [(String, String)],
        _ make: (MetricSeries) -> Cell
    ) -> Cell {
        let labels = ExpositionText.labels(dimensions)
        return state.withLock { state in
            var name = ExpositionText.name(label)
            while let taken = state.kinds[name], taken != kind { name += "_" + kind.rawValue }
            let series = MetricSeries(name: name, kind: kind, labels: labels)
            if let known = state.cells[series] as? Cell { return known }
            let cell = make(series)
            guard state.cells.count < PrometheusMetrics.maximumSeries else {
                // The caller can go on counting; it just isn't written out.
                state.refusedSeries += 1
                return cell
            }
            state.kinds[name] = kind
            state.cells[series] = cell
            return cell
        }
    }

    private func forget(_ handler: AnyObject) {
        guard let cell = handler as? any MetricCell else { return }
        state.withLock { state in
            if let known = state.cells[cell.series], known === cell { state.cells[cell.series] = nil }
        }
    }
}

/// The text that `/metrics` answers.
extension PrometheusMetrics {
    /// The media type of the text.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All metrics sorted by name, then the stages' latencies, in Prometheus' text format 0.0.4.
    ///
    /// - Parameters:
    ///   - stages: the histograms to write instead of those that the registry was made with.
    ///   - ofProcess: whether the figures of the process itself come too.
    /// - Returns: the text's bytes.
    package func exposition(stages: StageHistograms? = nil, ofProcess: Bool = true) -> [UInt8] {
        let (cells, help, refused) = state.withLock { (Array($0.cells.values), $0.help, $0.refusedSeries) }
        let sorted = cells.sorted { ($0.series.name, $0.series.labels) < ($1.series.name, $1.series.labels) }
        var text = ExpositionText()
        var name = ""
        for cell in sorted {
            if cell.series.name != name {
                name = cell.series.name
                text.appendHeader(
                    name,
                    cell.series.kind,
                    help: help[name] ?? MetricHelp.texts[name] ?? PrometheusMetrics.help(name)
                )
            }
            cell.write(to: &text)
        }
        if refused > 0 {
            let name = "sluice_metrics_refused_series_total"
            text.appendHeader(name, .counter, help: "Series that were not kept because there were too many.")
            text.appendSample(name, labels: "", value: String(refused))
        }
        if ofProcess { ProcessMetrics.append(to: &text) }
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
            .histogram,
            help: "Latency of each stage of a record's way. Sum the buckets over processes before taking a quantile."
        )
        for (stage, distribution) in measured {
            text.appendHistogram("sluice_stage_seconds", labels: labels(stage), distribution, scale: 1e9)
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
