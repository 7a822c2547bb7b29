import ChangeQueue
import Metrics
package import SluiceCore
package import StageLatency

/// What a gateway measures about itself, made before everything else so that the log's commit hook can write to it.
package struct GatewayMeasures: Sendable {
    /// Latency histograms of this process's stages.
    package let histograms: StageHistograms
    /// When recent sequence numbers were committed.
    package let commitTimes: CommitTimes
    /// The stage times of recent records.
    package let traces: RecordTraces
    /// Counters, gauges and timers.
    package let metrics: PrometheusMetrics
    /// The latencies of late.
    package let latencyWindows: LatencyWindows
    /// The log's limits.
    let log: LogMeasures

    /// Empty measures of a gateway whose publishers take records from `queue`.
    package init(queue: QueueID) {
        histograms = StageHistograms(queue: queue)
        latencyWindows = LatencyWindows(process: "gateway", histograms: histograms)
        commitTimes = CommitTimes()
        traces = RecordTraces()
        metrics = PrometheusMetrics(stages: histograms)
        log = LogMeasures(factory: metrics)
    }
}

extension GatewayMeasures {
    /// Counts the commit of an append, from when its request was accepted.
    func committed(acceptedAtNanoseconds accepted: UInt64, _ record: AppendedRecord?) {
        guard let committedAt = record?.committedAtNanoseconds, committedAt > accepted else { return }
        histograms.record(.commit, nanoseconds: committedAt - accepted)
    }
}

/// The metrics of the log's limits: what is used, and what was refused.
struct LogMeasures: Sendable {
    private struct Gauges {
        let used: Gauge
        let limit: Gauge
    }

    private let refused: CounterFamily<AppendRefusal>
    private let gauges: [LogResource: Gauges]
    private let groupTrimmed: Counter

    init(factory: any MetricsFactory) {
        refused = CounterFamily("sluice_log_refused_requests_total", by: "reason", factory: factory)
        groupTrimmed = Counter(label: "sluice_stream_group_trimmed_records_total", dimensions: [], factory: factory)
        var gauges: [LogResource: Gauges] = [:]
        for resource in LogResource.allCases {
            let dimensions = [("resource", resource.rawValue)]
            gauges[resource] = Gauges(
                used: Gauge(label: "sluice_log_used", dimensions: dimensions, factory: factory),
                limit: Gauge(label: "sluice_log_limit", dimensions: dimensions, factory: factory)
            )
        }
        self.gauges = gauges
    }

    /// Counts requests that met a limit.
    func count(_ refusal: AppendRefusal, requests: Int) { refused.increment(refusal, by: requests) }

    /// Counts records that were trimmed before a group of readers had read them.
    func count(groupTrimmed records: UInt64) { groupTrimmed.increment(by: records) }

    /// Sets the gauges, for who reads them now.
    func show(_ usage: LogUsage) {
        for (resource, gauges) in gauges {
            let (used, limit) = usage.use(of: resource)
            gauges.used.record(used)
            gauges.limit.record(limit)
        }
    }
}
