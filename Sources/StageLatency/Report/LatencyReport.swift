import FoundationEssentials
package import SluiceCore

/// What `GET /latency` of a process answers.
///
///     {"process":"gateway","queue":"sqs","stages":[{"stage":"commit","count":2,"p50":290.3,"p90":…,"p99":…,"max":…,"mean":…,
///       "sumNanoseconds":…,"maxNanoseconds":…,"buckets":[[290303,1],[310784,1]]}],
///      "windows":[{"seconds":10,"stages":[…]},{"seconds":60,…},{"seconds":300,…}]}
package struct LatencyReport: Codable, Equatable, Sendable {
    /// `gateway` or `publisher`.
    package let process: String
    /// The queue's name.
    package let queue: String
    /// The stages that the process has measured.
    package let stages: [StageReport]
    /// The same of late; nil in a report of an older process, or of a difference.
    package internal(set) var windows: [Window]?

    /// What was measured in the last so many seconds.
    package struct Window: Codable, Equatable, Sendable {
        /// How far back it reaches.
        package let seconds: UInt64
        /// The stages that were measured in it.
        package let stages: [StageReport]

        /// The windows that are kept.
        package enum Length: String, CaseIterable, Sendable {
            case tenSeconds = "10s"
            case minute = "1m"
            case fiveMinutes = "5m"

            /// How long it is.
            package var seconds: UInt64 {
                switch self {
                case .tenSeconds: 10
                case .minute: 60
                case .fiveMinutes: 300
                }
            }

            /// The same in nanoseconds.
            var nanoseconds: UInt64 { seconds * 1_000_000_000 }
        }
    }

    /// Largest report that is read, bytes.
    package static let maximumBytes = 16 * 1024 * 1024
    /// Largest count of a stage that is read: more would let the sum of several reports run over.
    static let maximumCount: UInt64 = 1 << 48

    /// Reports what `histograms` hold now.
    package init(process: String, queue: QueueID, histograms: StageHistograms) {
        self.process = process
        self.queue = queue.name.string
        stages = histograms.measured().map { StageReport(StageSummary($0.stage, $0.distribution), $0.distribution) }
    }

    init(process: String, queue: String, stages: [StageReport]) {
        self.process = process
        self.queue = queue
        self.stages = stages
    }

    /// Reads what another process reported.
    /// - Throws: ``LatencyReportError`` when the bytes aren't a report or its figures can't be true.
    package init(json: [UInt8]) throws(LatencyReportError) {
        guard json.count <= LatencyReport.maximumBytes else {
            throw LatencyReportError(
                "The latency report has \(json.count) bytes; \(LatencyReport.maximumBytes) are read at most."
            )
        }
        do {
            self = try JSONDecoder().decode(LatencyReport.self, from: Data(json))
        } catch {
            throw LatencyReportError("The bytes are not a latency report: \(error)")
        }
        for stage in stages + (windows ?? []).flatMap(\.stages) {
            let total = stage.buckets.reduce(UInt64(0)) { sum, bucket in
                let (result, overflow) = sum.addingReportingOverflow(bucket.count)
                return overflow ? .max : result
            }
            guard total <= LatencyReport.maximumCount else {
                throw LatencyReportError(
                    "The latency report counts stage '\(stage.stage.printable(limit: 40))' \(total) times."
                )
            }
        }
    }

    /// The report as JSON, the figures for people before the buckets.
    package func json() -> [UInt8] {
        JSONWriter.object { json in
            json.member("process", process)
            json.member("queue", queue)
            json.name("stages")
            LatencyReport.write(stages, to: &json)
            guard let windows else { return }
            json.name("windows")
            json.array { json in
                for window in windows {
                    json.object { json in
                        json.member("seconds", window.seconds)
                        json.name("stages")
                        LatencyReport.write(window.stages, to: &json)
                    }
                }
            }
        }
    }

    private static func write(_ stages: [StageReport], to json: inout JSONWriter) {
        json.array { json in for stage in stages { json.object { write(stage, to: &$0) } } }
    }

    /// The figures of several processes together: what `sluice latency` prints.
    ///
    /// Stages that aren't known here are left out.
    package static func merged(_ reports: [LatencyReport]) -> [StageSummary] { merged(reports.map(\.stages)) }

    /// The same of a window.
    package static func merged(_ reports: [LatencyReport], _ window: Window.Length) -> [StageSummary] {
        merged(reports.compactMap { $0.windows?.first { $0.seconds == window.seconds }?.stages })
    }

    private static func merged(_ reports: [[StageReport]]) -> [StageSummary] {
        Stage.allCases.compactMap { stage in
            var distribution = LatencyDistribution()
            for report in reports {
                for part in report where part.stage == stage.rawValue {
                    distribution.add(
                        part.buckets,
                        sumNanoseconds: part.sumNanoseconds,
                        maximumNanoseconds: part.maxNanoseconds
                    )
                }
            }
            return distribution.count == 0 ? nil : StageSummary(stage, distribution)
        }
    }

    private static func write(_ stage: StageReport, to json: inout JSONWriter) {
        json.member("stage", stage.stage)
        json.member("count", stage.count)
        json.member("p50", stage.p50)
        json.member("p90", stage.p90)
        json.member("p99", stage.p99)
        json.member("max", stage.max)
        json.member("mean", stage.mean)
        json.member("sumNanoseconds", stage.sumNanoseconds)
        json.member("maxNanoseconds", stage.maxNanoseconds)
        json.name("buckets")
        json.array { json in
            for bucket in stage.buckets {
                json.array { json in
                    json.value(bucket.nanoseconds)
                    json.value(bucket.count)
                }
            }
        }
    }
}

/// One stage as a process reports it: the figures for people, and the buckets from which the figures of several processes are made.
package struct StageReport: Codable, Equatable, Sendable {
    /// The stage's name; a newer process may know stages that this one doesn't.
    package let stage: String
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
    /// The sum of all, nanoseconds.
    package let sumNanoseconds: UInt64
    /// The longest, nanoseconds.
    package let maxNanoseconds: UInt64
    /// The histogram's non-empty buckets, ascending.
    package let buckets: [LatencyBucket]

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

extension LatencyReport {
    /// What this report counts and an earlier one of the same process doesn't: what the process measured in between.
    ///
    /// Histograms only grow; where one has shrunk the process was started anew in between, and all that it reports is new. The longest duration
    /// is exact when it is longer than all before, and else as exact as the histogram's buckets.
    package func since(_ earlier: LatencyReport) -> LatencyReport {
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

/// Why a report of another process can't be read.
package struct LatencyReportError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was wrong with it.
    package let description: String

    init(_ description: String) { self.description = description }
}
