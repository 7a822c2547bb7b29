import ChangeQueue
import Metrics

/// The metrics of the log's limits: what is used, and what was refused.
struct LogMeasures: Sendable {
    private struct Gauges {
        let used: Gauge
        let limit: Gauge
    }

    // Made at start, so that the writer's thread makes none.
    private let refused: [AppendRefusal: Counter]
    private let gauges: [LogResource: Gauges]

    init(factory: any MetricsFactory) {
        var refused: [AppendRefusal: Counter] = [:]
        for refusal in AppendRefusal.allCases {
            refused[refusal] = Counter(
                label: "sluice_log_refused_requests_total",
                dimensions: [("reason", refusal.rawValue)],
                factory: factory
            )
        }
        self.refused = refused
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
    func count(_ refusal: AppendRefusal, requests: Int) { refused[refusal]?.increment(by: requests) }

    /// Sets the gauges, for who reads them now.
    func show(_ usage: LogUsage) {
        for (resource, gauges) in gauges {
            let (used, limit) = usage.use(of: resource)
            gauges.used.record(used)
            gauges.limit.record(limit)
        }
    }
}
