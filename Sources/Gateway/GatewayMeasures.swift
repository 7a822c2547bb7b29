public import SluiceCore
public import StageLatency

/// What a gateway measures about itself, made before everything else so that the log's commit hook can write to it.
public struct GatewayMeasures: Sendable {
    /// Latency histograms of this process's stages.
    public let histograms: StageHistograms
    /// When recent sequence numbers were committed.
    public let commitTimes: CommitTimes
    /// The stage times of recent records.
    public let traces: RecordTraces
    /// Counters, gauges and timers.
    public let metrics: PrometheusMetrics
    /// The log's limits.
    let log: LogMeasures

    /// Empty measures of a gateway whose publishers take records from `queue`.
    public init(queue: QueueID) {
        histograms = StageHistograms(queue: queue)
        commitTimes = CommitTimes()
        traces = RecordTraces()
        metrics = PrometheusMetrics(stages: histograms)
        log = LogMeasures(factory: metrics)
    }
}
