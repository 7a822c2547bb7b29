import FoundationEssentials
public import SluiceCore

/// What `GET /latency` of a process answers.
///
///     {"process":"gateway","queue":"sqs","stages":[{"stage":"commit","count":2,"p50":290.3,"p90":…,"p99":…,"max":…,"mean":…,
///       "sumNanoseconds":…,"maxNanoseconds":…,"buckets":[[290303,1],[310784,1]]}]}
public struct LatencyReport: Codable, Equatable, Sendable {
    /// `gateway` or `publisher`.
    public let process: String
    /// The queue's name.
    public let queue: String
    /// The stages that the process has measured.
    public let stages: [StageReport]

    /// Largest report that is read, bytes.
    public static let maximumBytes = 16 * 1024 * 1024
    /// Largest count of a stage that is read: more would let the sum of several reports run over.
    static let maximumCount: UInt64 = 1 << 48

    /// Reports what `histograms` hold now.
    public init(process: String, queue: QueueID, histograms: StageHistograms) {
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
    public init(json: [UInt8]) throws(LatencyReportError) {
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
        for stage in stages {
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
    public func json() -> [UInt8] {
        var output = Array(#"{"process":"#.utf8)
        JSONText.appendString(process, to: &output)
        output.append(contentsOf: #","queue":"#.utf8)
        JSONText.appendString(queue, to: &output)
        output.append(contentsOf: #","stages":["#.utf8)
        for (index, stage) in stages.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            LatencyReport.append(stage, to: &output)
        }
        output.append(contentsOf: "]}".utf8)
        return output
    }

    /// The figures of several processes together: what `sluice latency` prints.
    ///
    /// Stages that aren't known here are left out.
    public static func merged(_ reports: [LatencyReport]) -> [StageSummary] {
        Stage.allCases.compactMap { stage in
            var distribution = LatencyDistribution()
            for report in reports {
                for part in report.stages where part.stage == stage.rawValue {
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

    private static func append(_ stage: StageReport, to output: inout [UInt8]) {
        output.append(contentsOf: #"{"stage":"#.utf8)
        JSONText.appendString(stage.stage, to: &output)
        output.append(contentsOf: #","count":\#(stage.count),"p50":\#(stage.p50),"p90":\#(stage.p90)"#.utf8)
        output.append(contentsOf: #","p99":\#(stage.p99),"max":\#(stage.max),"mean":\#(stage.mean)"#.utf8)
        output.append(contentsOf: #","sumNanoseconds":\#(stage.sumNanoseconds)"#.utf8)
        output.append(contentsOf: #","maxNanoseconds":\#(stage.maxNanoseconds),"buckets":["#.utf8)
        for (index, bucket) in stage.buckets.enumerated() {
            output.append(contentsOf: "\(index > 0 ? "," : "")[\(bucket.nanoseconds),\(bucket.count)]".utf8)
        }
        output.append(contentsOf: "]}".utf8)
    }
}
