public import SluiceCore

/// A stage's latency in a few figures, all in microseconds with one decimal.
public struct StageSummary: Equatable, Sendable {
    /// Which part of a record's way.
    public let stage: Stage
    /// How many times it was measured.
    public let count: UInt64
    /// Half took no longer, µs.
    public let p50: Double
    /// 90 % took no longer, µs.
    public let p90: Double
    /// 99 % took no longer, µs.
    public let p99: Double
    /// The longest, µs.
    public let max: Double
    /// The average, µs.
    public let mean: Double

    init(_ stage: Stage, _ distribution: LatencyDistribution) {
        self.stage = stage
        count = distribution.count
        p50 = Microseconds.rounded(distribution.nanoseconds(atQuantile: 0.5))
        p90 = Microseconds.rounded(distribution.nanoseconds(atQuantile: 0.9))
        p99 = Microseconds.rounded(distribution.nanoseconds(atQuantile: 0.99))
        max = Microseconds.rounded(distribution.maximumNanoseconds)
        mean = count == 0 ? 0 : Microseconds.rounded(distribution.sumNanoseconds / count)
    }

    /// Writes the figures as members of an object.
    func writeMembers(to json: inout JSONWriter) {
        json.member("stage", stage.rawValue)
        json.member("count", count)
        json.member("p50", p50)
        json.member("p90", p90)
        json.member("p99", p99)
        json.member("max", max)
        json.member("mean", mean)
    }

    /// The figures as one JSON object: `{"stage":"hop","count":1,"p50":650.1,…}`.
    public var json: [UInt8] { JSONWriter.object { writeMembers(to: &$0) } }
}
