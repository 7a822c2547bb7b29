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

    /// Appends the figures as the members of a JSON object, without its braces.
    func appendMembers(to output: inout [UInt8]) {
        output.append(contentsOf: #""stage":"\#(stage.rawValue)","count":\#(count)"#.utf8)
        output.append(contentsOf: #","p50":\#(p50),"p90":\#(p90),"p99":\#(p99),"max":\#(max),"mean":\#(mean)"#.utf8)
    }

    /// The figures as one JSON object: `{"stage":"hop","count":1,"p50":650.1,…}`.
    public var json: [UInt8] {
        var output = [UInt8(ascii: "{")]
        appendMembers(to: &output)
        output.append(UInt8(ascii: "}"))
        return output
    }
}
