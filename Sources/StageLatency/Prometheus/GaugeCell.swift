import CoreMetrics
import Synchronization

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
