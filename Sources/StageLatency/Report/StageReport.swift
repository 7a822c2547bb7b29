import SluiceCore

/// One stage as a process reports it: the figures for people, and the buckets from which the figures of several processes are made.
public struct StageReport: Codable, Equatable, Sendable {
    /// The stage's name; a newer process may know stages that this one doesn't.
    public let stage: String
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
    /// The sum of all, nanoseconds.
    public let sumNanoseconds: UInt64
    /// The longest, nanoseconds.
    public let maxNanoseconds: UInt64
    /// The histogram's non-empty buckets, ascending.
    public let buckets: [LatencyBucket]

    init(_ summary: StageSummary, _ distribution: LatencyDistribution) {
        stage = summary.stage.rawValue
        count = summary.count
        p50 = summary.p50
        p90 = summary.p90
        p99 = summary.p99
        max = summary.max
        mean = summary.mean
        sumNanoseconds = distribution.sumNanoseconds
        maxNanoseconds = distribution.maximumNanoseconds
        buckets = distribution.buckets
    }
}
