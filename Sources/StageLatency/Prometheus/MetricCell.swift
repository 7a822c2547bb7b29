import CoreMetrics
import Synchronization

/// What stands behind a handler of swift-metrics: it holds the value and writes its lines.
protocol MetricCell: AnyObject, Sendable {
    var series: MetricSeries { get }
    func write(to text: inout ExpositionText)
}

/// The metric types of the text format that are written here.
enum MetricKind: String, Sendable {
    case counter
    case gauge
    case histogram
}

/// One time series: a metric's name with one set of labels, both already fit for the text format.
struct MetricSeries: Hashable, Sendable {
    let name: String
    let kind: MetricKind
    /// `{queue="sqs"}` without the braces; empty when there are no labels.
    let labels: String
}

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

/// A number that goes up and down: swift-metrics' gauge, meter and recorder without aggregation.
final class GaugeCell: RecorderHandler, MeterHandler, MetricCell {
    let series: MetricSeries
    // The bits of a Double: the standard library has no atomic one.
    private let bits = Atomic<UInt64>(0)

    init(_ series: MetricSeries) { self.series = series }

    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
    func decrement(by amount: Double) { increment(by: -amount) }

    func increment(by amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }

    func write(to text: inout ExpositionText) {
        let value = Double(bitPattern: bits.load(ordering: .relaxed))
        text.appendSample(series.name, labels: series.labels, value: ExpositionText.number(value))
    }
}

/// A distribution in fixed buckets: swift-metrics' timer (seconds) and its aggregating recorder (whole numbers).
final class HistogramCell: TimerHandler, RecorderHandler, MetricCell {
    let series: MetricSeries
    // Recorded numbers in one unit of the text: a timer's are nanoseconds and its text is in seconds.
    private let scale: Double
    private let distribution = Mutex(LatencyDistribution())

    init(_ series: MetricSeries, scale: Double) {
        self.series = series
        self.scale = scale
    }

    func recordNanoseconds(_ duration: Int64) { record(duration) }

    func record(_ value: Int64) {
        distribution.withLock { $0.record(UInt64(max(value, 0))) }
    }

    /// Rounds to a whole number; what isn't one, such as NaN, is left out.
    func record(_ value: Double) {
        guard let whole = Int64(exactly: value.rounded()) else { return }
        record(whole)
    }

    func write(to text: inout ExpositionText) {
        text.appendHistogram(series.name, labels: series.labels, distribution.withLock { $0 }, scale: scale)
    }
}
