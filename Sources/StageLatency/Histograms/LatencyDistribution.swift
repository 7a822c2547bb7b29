import Histogram

/// How often each duration came: an HDR histogram of nanoseconds with three significant digits, and their exact sum.
///
/// Nanoseconds, because several stages take less than a microsecond. The counts have a fixed size (about 260 KiB), so recording never allocates.
public struct LatencyDistribution: Sendable {
    /// One hour: longer durations are counted as this one.
    static let longestNanoseconds: UInt64 = 3_600_000_000_000

    private var histogram = Histogram<UInt64>(
        lowestDiscernibleValue: 1,
        highestTrackableValue: LatencyDistribution.longestNanoseconds,
        numberOfSignificantValueDigits: .three
    )
    /// The sum of all durations.
    private(set) var sumNanoseconds: UInt64 = 0

    /// An empty one.
    public init() {}

    /// How many durations were recorded.
    public var count: UInt64 { histogram.totalCount }

    /// The longest one, nanoseconds; 0 when there are none.
    public var maximumNanoseconds: UInt64 { histogram.maxRecorded }

    /// The non-empty buckets in ascending order, each with the shortest duration that falls into it.
    var buckets: [LatencyBucket] {
        histogram.recordedValues().map { bucket in
            LatencyBucket(nanoseconds: histogram.lowestEquivalentForValue(bucket.value), count: bucket.count)
        }
    }

    /// Counts one duration.
    public mutating func record(_ nanoseconds: UInt64) {
        let counted = min(nanoseconds, LatencyDistribution.longestNanoseconds)
        histogram.record(counted)
        sumNanoseconds &+= counted
    }

    /// The shortest duration that `fraction` (0…1) of all don't exceed; 0 when there are none.
    public func nanoseconds(atQuantile fraction: Double) -> UInt64 { histogram.valueAtPercentile(fraction * 100) }

    /// Adds what another process counted.
    mutating func add(_ buckets: [LatencyBucket], sumNanoseconds sum: UInt64, maximumNanoseconds maximum: UInt64) {
        var left = buckets[...]
        // The last bucket's duration stands for all of its width; the true maximum of it is known and is kept.
        if let last = left.popLast(), last.count > 0 {
            let longest = max(last.nanoseconds, min(maximum, LatencyDistribution.longestNanoseconds))
            if histogram.valuesAreEquivalent(last.nanoseconds, longest) {
                histogram.record(longest)
                add(LatencyBucket(nanoseconds: last.nanoseconds, count: last.count - 1))
            } else {
                add(last)
            }
        }
        for bucket in left { add(bucket) }
        sumNanoseconds &+= sum
    }

    private mutating func add(_ bucket: LatencyBucket) {
        guard bucket.count > 0 else { return }
        histogram.record(min(bucket.nanoseconds, LatencyDistribution.longestNanoseconds), count: bucket.count)
    }
}
