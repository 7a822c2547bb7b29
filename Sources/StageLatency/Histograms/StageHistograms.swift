package import SluiceCore
import Synchronization

/// The latency of each stage that this process sees, since it started.
///
/// Used from any thread.
///
/// One lock for all the stages: a batch takes it once with ``record(contentsOf:)``, and a reader holds it only to copy one stage at a time.
package final class StageHistograms: Sendable {
    /// The queue that publishers take records from, a label of the figures.
    package let queue: QueueID

    // In the order of Stage.allCases.
    private let distributions: Mutex<[LatencyDistribution]>
    private static let stages = Stage.allCases

    /// Makes empty histograms, about 2 MiB.
    package init(queue: QueueID) {
        self.queue = queue
        distributions = Mutex(Array(repeating: LatencyDistribution(), count: StageHistograms.stages.count))
    }

    /// Counts one duration of one stage.
    package func record(_ stage: Stage, nanoseconds: UInt64) {
        guard let index = StageHistograms.stages.firstIndex(of: stage) else { return }
        distributions.withLock { $0[index].record(nanoseconds) }
    }

    /// Counts every stage of which both ends are known.
    package func record(_ times: StageTimes) {
        distributions.withLock { StageHistograms.count(times, in: &$0) }
    }

    /// Counts a batch under one lock: what the hot path uses.
    package func record(contentsOf batch: [StageTimes]) {
        if batch.isEmpty { return }
        distributions.withLock { distributions in
            for times in batch { StageHistograms.count(times, in: &distributions) }
        }
    }

    /// The figures of every stage that was measured, in the order of a record's way.
    package func snapshot() -> [StageSummary] {
        StageHistograms.stages.indices.compactMap { index in
            let distribution = distribution(at: index)
            return distribution.count == 0 ? nil : StageSummary(StageHistograms.stages[index], distribution)
        }
    }

    /// Every stage that was measured with its distribution, in the order of a record's way.
    func measured() -> [(stage: Stage, distribution: LatencyDistribution)] {
        StageHistograms.stages.indices.compactMap { index in
            let distribution = distribution(at: index)
            return distribution.count == 0 ? nil : (StageHistograms.stages[index], distribution)
        }
    }

    private func distribution(at index: Int) -> LatencyDistribution { distributions.withLock { $0[index] } }

    private static func count(_ times: StageTimes, in distributions: inout [LatencyDistribution]) {
        for index in stages.indices {
            if let nanoseconds = stages[index].nanoseconds(in: times) { distributions[index].record(nanoseconds) }
        }
    }
}

/// A stage's latency in a few figures, all in microseconds with one decimal.
package struct StageSummary: Equatable, Sendable {
    /// Which part of a record's way.
    package let stage: Stage
    /// How many times it was measured.
    package let count: UInt64
    /// Half took no longer, µs.
    package let p50: Double
    /// 90 % took no longer, µs.
    package let p90: Double
    /// 99 % took no longer, µs.
    package let p99: Double
    /// The longest, µs.
    package let max: Double
    /// The average, µs.
    package let mean: Double

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
    package func writeMembers(to json: inout JSONWriter) {
        json.member("stage", stage.rawValue)
        json.member("count", count)
        json.member("p50", p50)
        json.member("p90", p90)
        json.member("p99", p99)
        json.member("max", max)
        json.member("mean", mean)
    }

    /// The figures as one JSON object: `{"stage":"hop","count":1,"p50":650.1,…}`.
    package var json: [UInt8] { JSONWriter.object { writeMembers(to: &$0) } }
}
