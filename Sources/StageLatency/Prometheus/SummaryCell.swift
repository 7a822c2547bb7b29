import CoreMetrics
import Synchronization

/// A distribution with quantiles: swift-metrics' timer (seconds) and its aggregating recorder (whole numbers).
final class SummaryCell: TimerHandler, RecorderHandler, MetricCell {
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
        text.appendSummary(series.name, labels: series.labels, distribution.withLock { $0 }, scale: scale)
    }
}
