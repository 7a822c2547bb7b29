import Histogram

/// What the receivers of a run got.
///
/// Only the loop's thread touches it.
struct Tally {
    /// Latencies in nanoseconds: of each delivery, of each message's last receiver, of each acknowledgement.
    var delivery = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    var last = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    var acknowledgement = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    var deliveries: UInt64 = 0
    var published: UInt64 = 0
    var acknowledged: UInt64 = 0
}

/// Percentiles of a histogram, microseconds.
struct Percentiles: Codable {
    let p50: Double
    let p90: Double
    let p99: Double
    let p999: Double
    let max: Double

    init?(_ histogram: Histogram<UInt64>) {
        guard histogram.totalCount > 0 else { return nil }
        func value(_ percentile: Double) -> Double { Double(histogram.valueAtPercentile(percentile)) / 1_000 }
        p50 = value(50)
        p90 = value(90)
        p99 = value(99)
        p999 = value(99.9)
        max = Double(histogram.max) / 1_000
    }
}
