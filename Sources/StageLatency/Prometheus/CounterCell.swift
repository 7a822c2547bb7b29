import CoreMetrics
import Synchronization

/// A number that only grows.
///
/// One atomic addition an increment, since counters stand on hot paths.
final class CounterCell: CounterHandler, MetricCell {
    let series: MetricSeries
    private let value = Atomic<Int64>(0)

    init(_ series: MetricSeries) { self.series = series }

    /// Adds; a counter never falls, so negative amounts are left out.
    func increment(by amount: Int64) {
        if amount > 0 { value.wrappingAdd(amount, ordering: .relaxed) }
    }

    func reset() { value.store(0, ordering: .relaxed) }

    func write(to text: inout ExpositionText) {
        text.appendSample(series.name, labels: series.labels, value: String(value.load(ordering: .relaxed)))
    }
}
