public import CoreMetrics
import Synchronization

/// The metrics of one process: a back end for swift-metrics whose values `/metrics` writes out.
///
/// Used from any thread.
///
/// Asking twice for one name and one set of labels gives the same value. A name belongs to the type that took it first; another type
/// under the same name gets the type's name appended, for the text format allows one type a name.
public final class PrometheusMetrics: MetricsFactory {
    struct State {
        var cells: [MetricSeries: any MetricCell] = [:]
        var kinds: [String: MetricKind] = [:]
        var help: [String: String] = [:]
        var refusedSeries: Int64 = 0
    }

    /// The most series that are kept, so that labels made from outside input can't use up the memory.
    public static let maximumSeries = 10_000

    let state = Mutex(State())
    let stages: StageHistograms?

    /// Makes an empty registry.
    /// - Parameter stages: histograms that every exposition ends with.
    public init(stages: StageHistograms? = nil) { self.stages = stages }

    /// Says what a metric means, for its HELP line.
    public func describe(_ label: String, _ help: String) {
        state.withLock { $0.help[ExpositionText.name(label)] = help }
    }

    /// A counter.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        cell(label, .counter, dimensions) { CounterCell($0) }
    }

    /// A gauge that can also be moved up and down.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        cell(label, .gauge, dimensions) { GaugeCell($0) }
    }

    /// A summary of whole numbers when it aggregates, a gauge otherwise.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate { return cell(label, .summary, dimensions) { SummaryCell($0, scale: 1) } }
        return cell(label, .gauge, dimensions) { GaugeCell($0) }
    }

    /// A summary in seconds; its name gets the ending `_seconds` if it hasn't got it.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let name = label.hasSuffix("seconds") ? label : label + "_seconds"
        return cell(name, .summary, dimensions) { SummaryCell($0, scale: 1e9) }
    }

    /// Forgets a counter.
    public func destroyCounter(_ handler: any CounterHandler) { forget(handler) }

    /// Forgets a meter.
    public func destroyMeter(_ handler: any MeterHandler) { forget(handler) }

    /// Forgets a recorder or a gauge.
    public func destroyRecorder(_ handler: any RecorderHandler) { forget(handler) }

    /// Forgets a timer.
    public func destroyTimer(_ handler: any TimerHandler) { forget(handler) }

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
