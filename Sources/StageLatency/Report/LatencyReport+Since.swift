import SluiceCore

extension LatencyReport {
    /// What this report counts and an earlier one of the same process doesn't: what the process measured in between.
    ///
    /// Histograms only grow; where one has shrunk the process was started anew in between, and all that it reports is new. The longest duration
    /// is exact when it is longer than all before, and else as exact as the histogram's buckets.
    public func since(_ earlier: LatencyReport) -> LatencyReport {
        let stages = stages.compactMap { stage in
            guard let before = earlier.stages.first(where: { $0.stage == stage.stage }) else { return stage }
            return LatencyReport.difference(stage, before)
        }
        return LatencyReport(process: process, queue: queue, stages: stages)
    }

    /// One stage's part; nil when nothing was measured in between or the stage isn't known here.
    private static func difference(_ stage: StageReport, _ before: StageReport) -> StageReport? {
        guard let known = Stage(rawValue: stage.stage) else { return nil }
        var left: [UInt64: UInt64] = [:]
        for bucket in before.buckets { left[bucket.nanoseconds, default: 0] &+= bucket.count }
        var buckets: [LatencyBucket] = []
        for bucket in stage.buckets {
            let (count, hasShrunk) = bucket.count.subtractingReportingOverflow(
                left.removeValue(forKey: bucket.nanoseconds) ?? 0
            )
            if hasShrunk { return stage }
            if count > 0 { buckets.append(LatencyBucket(nanoseconds: bucket.nanoseconds, count: count)) }
        }
        if left.values.contains(where: { $0 > 0 }) { return stage }
        if buckets.isEmpty { return nil }
        var distribution = LatencyDistribution()
        distribution.add(
            buckets,
            sumNanoseconds: stage.sumNanoseconds &- before.sumNanoseconds,
            maximumNanoseconds: stage.maxNanoseconds > before.maxNanoseconds ? stage.maxNanoseconds : 0
        )
        return StageReport(StageSummary(known, distribution), distribution)
    }
}
