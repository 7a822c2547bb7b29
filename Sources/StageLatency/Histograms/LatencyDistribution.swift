import Histogram

/// How often each duration came: an HDR histogram of nanoseconds with three significant digits, and their exact sum.
///
/// Nanoseconds, because several stages take less than a microsecond. The counts have a fixed size (about 260 KiB), so recording never allocates.
package struct LatencyDistribution: Sendable {
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
    package init() {}

    /// How many durations were recorded.
    package var count: UInt64 { histogram.totalCount }

    /// The longest one, nanoseconds; 0 when there are none.
    package var maximumNanoseconds: UInt64 { histogram.maxRecorded }

    /// The non-empty buckets in ascending order, each with the shortest duration that falls into it.
    var buckets: [LatencyBucket] {
        histogram.recordedValues().map { bucket in
            LatencyBucket(nanoseconds: histogram.lowestEquivalentForValue(bucket.value), count: bucket.count)
        }
    }

    /// How many durations each bound isn't exceeded by; the bounds ascend, and are as exact as the buckets.
    func cumulativeCounts(upTo bounds: [UInt64]) -> [UInt64] {
        var counts = Array(repeating: UInt64(0), count: bounds.count)
        var index = 0
        var total: UInt64 = 0
        for bucket in histogram.recordedValues() {
            while index < bounds.count, bucket.value > bounds[index] {
                counts[index] = total
                index += 1
            }
            if index == bounds.count { return counts }
            total += bucket.count
        }
        for rest in index..<bounds.count { counts[rest] = total }
        return counts
    }

    /// Counts one duration.
    package mutating func record(_ nanoseconds: UInt64) {
        let counted = min(nanoseconds, LatencyDistribution.longestNanoseconds)
        histogram.record(counted)
        sumNanoseconds &+= counted
    }

    /// The shortest duration that `fraction` (0…1) of all don't exceed; 0 when there are none.
    package func nanoseconds(atQuantile fraction: Double) -> UInt64 { histogram.valueAtPercentile(fraction * 100) }

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

/// How many durations fell into one bucket of a histogram; written in JSON as `[nanoseconds, count]`.
package struct LatencyBucket: Hashable, Codable, Sendable {
    /// The shortest duration of the bucket, nanoseconds.
    ///
    /// Recording it into another histogram fills the same bucket.
    package let nanoseconds: UInt64
    /// How many there were.
    package let count: UInt64

    /// Makes a bucket.
    package init(nanoseconds: UInt64, count: UInt64) {
        self.nanoseconds = nanoseconds
        self.count = count
    }

    /// Reads `[nanoseconds, count]`.
    package init(from decoder: any Decoder) throws {
        var pair = try decoder.unkeyedContainer()
        nanoseconds = try pair.decode(UInt64.self)
        count = try pair.decode(UInt64.self)
    }

    /// Writes `[nanoseconds, count]`.
    package func encode(to encoder: any Encoder) throws {
        var pair = encoder.unkeyedContainer()
        try pair.encode(nanoseconds)
        try pair.encode(count)
    }
}

/// The unit in which people read latencies.
enum Microseconds {
    /// `nanoseconds` in microseconds, rounded to one decimal.
    static func rounded(_ nanoseconds: UInt64) -> Double {
        let tenths = nanoseconds / 100 &+ (nanoseconds % 100 >= 50 ? 1 : 0)
        return Double(tenths) / 10
    }
}
