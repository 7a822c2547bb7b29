public import SluiceCore
import Synchronization

/// The latency of each stage that this process sees, since it started.
///
/// Used from any thread.
///
/// One lock for all the stages: a batch takes it once with ``record(contentsOf:)``, and a reader holds it only to copy one stage at a time.
public final class StageHistograms: Sendable {
    /// The queue that publishers take records from, a label of the figures.
    public let queue: QueueID

    // In the order of Stage.allCases.
    private let distributions: Mutex<[LatencyDistribution]>
    private static let stages = Stage.allCases

    /// Makes empty histograms, about 2 MiB.
    public init(queue: QueueID) {
        self.queue = queue
        distributions = Mutex(Array(repeating: LatencyDistribution(), count: StageHistograms.stages.count))
    }

    /// Counts one duration of one stage.
    public func record(_ stage: Stage, nanoseconds: UInt64) {
        guard let index = StageHistograms.stages.firstIndex(of: stage) else { return }
        distributions.withLock { $0[index].record(nanoseconds) }
    }

    /// Counts every stage of which both ends are known.
    public func record(_ times: StageTimes) {
        distributions.withLock { StageHistograms.count(times, in: &$0) }
    }

    /// Counts a batch under one lock: what the hot path uses.
    public func record(contentsOf batch: [StageTimes]) {
        if batch.isEmpty { return }
        distributions.withLock { distributions in
            for times in batch { StageHistograms.count(times, in: &distributions) }
        }
    }

    /// The figures of every stage that was measured, in the order of a record's way.
    public func snapshot() -> [StageSummary] {
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
