import ChangeQueue
import DeliveryLink
import Metrics
import SluiceCore
import StageLatency
import Synchronization

/// What the publisher measures: its stages' latencies, its counters, and whether it is ready.
///
/// Written by its thread, read by `/metrics` and `/latency`.
final class PublisherLatency: Sendable {
    let histograms: StageHistograms
    /// The latencies of late.
    let windows: LatencyWindows
    let traces: RecordTraces
    private let metrics: PrometheusMetrics
    private let ready = Mutex(false)
    private let received: Counter
    private let deliveries: Counter
    private let receipts: Counter
    private let retired: Counter
    private let retried: Counter
    private let deadLettered: Counter
    private let failures: Counter
    private let trimmed: Counter
    private let links: Gauge
    private let queueRecords: [(state: any KeyPath<QueueDepth, UInt64> & Sendable, gauge: Gauge)]
    private let oldestAge: Gauge
    private let mapUsed: Gauge
    private let mapSize: Gauge

    init(queue: QueueID) {
        histograms = StageHistograms(queue: queue)
        windows = LatencyWindows(process: "publisher", histograms: histograms)
        traces = RecordTraces()
        metrics = PrometheusMetrics()
        received = Counter(label: "sluice_publisher_received_records_total", dimensions: [], factory: metrics)
        deliveries = Counter(label: "sluice_publisher_deliveries_total", dimensions: [], factory: metrics)
        receipts = Counter(label: "sluice_publisher_receipts_total", dimensions: [], factory: metrics)
        retired = Counter(label: "sluice_publisher_retired_records_total", dimensions: [], factory: metrics)
        retried = Counter(label: "sluice_publisher_retried_records_total", dimensions: [], factory: metrics)
        deadLettered = Counter(
            label: "sluice_publisher_dead_lettered_records_total",
            dimensions: [],
            factory: metrics
        )
        failures = Counter(label: "sluice_publisher_failures_total", dimensions: [], factory: metrics)
        trimmed = Counter(label: "sluice_publisher_trimmed_records_total", dimensions: [], factory: metrics)
        let factory = metrics
        let states: [(String, any KeyPath<QueueDepth, UInt64> & Sendable)] = [
            ("visible", \.visible), ("in_flight", \.inFlight), ("delayed", \.delayed),
        ]
        queueRecords = states.map { name, state in
            let dimensions = [("queue", queue.name.string), ("state", name)]
            return (state, Gauge(label: "sluice_queue_records", dimensions: dimensions, factory: factory))
        }
        oldestAge = Gauge(
            label: "sluice_queue_oldest_age_seconds",
            dimensions: [("queue", queue.name.string)],
            factory: metrics
        )
        mapUsed = Gauge(label: "sluice_log_map_used_bytes", dimensions: [], factory: metrics)
        mapSize = Gauge(label: "sluice_log_map_size_bytes", dimensions: [], factory: metrics)
        links = Gauge(label: "sluice_publisher_links_connected", dimensions: [], factory: metrics)
    }

    /// Whether the thread runs and its queue and registry could be read at the last heartbeat.
    var isReady: Bool { ready.withLock { $0 } }

    /// The Prometheus text of counters and stages.
    func exposition() -> [UInt8] { metrics.exposition(stages: histograms) }

    /// The queue was looked at.
    func depth(_ depth: QueueDepth) {
        for (state, gauge) in queueRecords { gauge.record(depth[keyPath: state]) }
        oldestAge.record(depth.oldestAgeSeconds)
        mapUsed.record(depth.mapUsedBytes)
        mapSize.record(depth.mapSizeBytes)
    }

    func heartbeat(linksConnected: Int, isReady: Bool) {
        links.record(linksConnected)
        ready.withLock { $0 = isReady }
    }

    func received(_ records: [ReceivedRecord], at nanoseconds: UInt64) {
        received.increment(by: records.count)
        var times: [StageTimes] = []
        times.reserveCapacity(records.count)
        for one in records where one.receiveCount == 1 {
            var time = StageTimes()
            time.accepted = one.record.acceptedAtNanoseconds
            time.received = nanoseconds
            times.append(time)
        }
        histograms.record(contentsOf: times)
    }

    func resolved(_ records: [ReceivedRecord], receivedAt: UInt64, resolvedAt: UInt64) {
        var time = StageTimes()
        time.received = receivedAt
        time.resolved = resolvedAt
        histograms.record(contentsOf: Array(repeating: time, count: records.count))
        traces.note(records.map(\.record.sequence)) { trace, position in
            trace.accepted = records[position].record.acceptedAtNanoseconds
            trace.received = receivedAt
            trace.resolved = resolvedAt
        }
    }

    func sent(_ sent: [Delivery]) {
        deliveries.increment(by: sent.count)
        var times: [StageTimes] = []
        for delivery in sent {
            for record in delivery.records {
                var time = StageTimes()
                time.resolved = record.resolvedAtNanoseconds
                time.sent = delivery.sentAtNanoseconds
                times.append(time)
            }
        }
        histograms.record(contentsOf: times)
    }

    func answered(_ receipt: Receipt, by gateway: GatewayID) { receipts.increment() }

    func countRetired(_ count: Int) { retired.increment(by: count) }

    func countRetried(_ count: Int) { retried.increment(by: count) }

    func countDeadLettered(_ count: Int) { deadLettered.increment(by: count) }

    func countTrimmed(_ count: UInt64) { trimmed.increment(by: Int64(clamping: count)) }

    /// Queue or registry couldn't be read; the next heartbeat that succeeds makes the publisher ready again.
    func failed() {
        failures.increment()
        ready.withLock { $0 = false }
    }
}
