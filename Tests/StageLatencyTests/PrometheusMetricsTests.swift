import Metrics
import SluiceCore
import StageLatency
import Testing

@Suite("PrometheusMetrics")
struct PrometheusMetricsTests {
    private func text(_ metrics: PrometheusMetrics, stages: StageHistograms? = nil) -> String {
        String(decoding: metrics.exposition(stages: stages), as: UTF8.self)
    }

    @Test("a counter is written with its help, type and labels")
    func counter() {
        let metrics = PrometheusMetrics()
        metrics.describe("sluice_published_total", "Records published.")
        let counter = Counter(label: "sluice_published_total", dimensions: [("queue", "sqs")], factory: metrics)
        counter.increment(by: 41)
        Counter(label: "sluice_published_total", dimensions: [("queue", "sqs")], factory: metrics).increment()
        #expect(
            text(metrics) == """
                # HELP sluice_published_total Records published.
                # TYPE sluice_published_total counter
                sluice_published_total{queue="sqs"} 42

                """
        )
    }

    @Test("label values and help texts are escaped, names are made valid")
    func escaping() {
        let metrics = PrometheusMetrics()
        metrics.describe("a.b-c", "back\\slash\nnew \"line\"")
        Counter(label: "a.b-c", dimensions: [("1 x", "q\"\\\n")], factory: metrics).increment()
        #expect(
            text(metrics) == #"""
                # HELP a_b_c back\\slash\nnew "line"
                # TYPE a_b_c counter
                a_b_c{_1_x="q\"\\\n"} 1

                """#
        )
    }

    @Test("gauges and meters go up and down")
    func gauges() {
        let metrics = PrometheusMetrics()
        Gauge(label: "links", dimensions: [], factory: metrics).record(2.5)
        let meter = Meter(label: "open", dimensions: [], factory: metrics)
        meter.set(10)
        meter.increment(by: 5.0)
        meter.decrement(by: 1.0)
        #expect(text(metrics).contains("\nlinks 2.5\n"))
        #expect(text(metrics).contains("\nopen 14\n"))
        #expect(text(metrics).contains("# TYPE open gauge\n"))
    }

    @Test("a timer is a summary in seconds")
    func timer() {
        let metrics = PrometheusMetrics()
        let timer = Timer(label: "resolve", dimensions: [("a", "b")], factory: metrics)
        for _ in 0..<4 { timer.recordNanoseconds(250_000) }
        #expect(
            text(metrics) == """
                # HELP resolve_seconds resolve seconds
                # TYPE resolve_seconds summary
                resolve_seconds{a="b",quantile="0.5"} 0.00025
                resolve_seconds{a="b",quantile="0.9"} 0.00025
                resolve_seconds{a="b",quantile="0.99"} 0.00025
                resolve_seconds{a="b",quantile="0.999"} 0.00025
                resolve_seconds_sum{a="b"} 0.001
                resolve_seconds_count{a="b"} 4

                """
        )
    }

    @Test("an aggregating recorder counts whole numbers and drops what isn't one")
    func recorder() {
        let metrics = PrometheusMetrics()
        let recorder = Recorder(label: "batch_records", dimensions: [], aggregate: true, factory: metrics)
        recorder.record(3)
        recorder.record(4.4)
        recorder.record(-7)
        recorder.record(Double.nan)
        recorder.record(Double.infinity)
        #expect(text(metrics).contains("batch_records_sum 7\nbatch_records_count 3\n"))
    }

    @Test("another type under a name that is taken gets a name of its own")
    func conflict() {
        let metrics = PrometheusMetrics()
        Counter(label: "x", dimensions: [], factory: metrics).increment()
        Gauge(label: "x", dimensions: [], factory: metrics).record(9)
        #expect(text(metrics).contains("# TYPE x counter\nx 1\n"))
        #expect(text(metrics).contains("# TYPE x_gauge gauge\nx_gauge 9\n"))
    }

    @Test("a destroyed metric is no longer written")
    func destroy() {
        let metrics = PrometheusMetrics()
        let counter = Counter(label: "gone", dimensions: [], factory: metrics)
        counter.increment()
        counter.destroy()
        #expect(text(metrics).isEmpty)
    }

    @Test("series beyond the limit are counted and not kept")
    func limit() {
        let metrics = PrometheusMetrics()
        for index in 0..<PrometheusMetrics.maximumSeries + 3 {
            Counter(label: "many", dimensions: [("i", String(index))], factory: metrics).increment()
        }
        #expect(text(metrics).contains("sluice_metrics_refused_series_total 3\n"))
    }

    @Test("the stages are a summary with stage and queue, and a gauge of the maximum")
    func stages() {
        let histograms = StageHistograms(queue: .sqs)
        let metrics = PrometheusMetrics(stages: histograms)
        #expect(text(metrics).isEmpty)
        histograms.record(.hop, nanoseconds: 1_000)
        #expect(
            text(metrics) == """
                # HELP sluice_stage_seconds Latency of each stage of a record's way, since the process started.
                # TYPE sluice_stage_seconds summary
                sluice_stage_seconds{stage="hop",queue="sqs",quantile="0.5"} 1e-06
                sluice_stage_seconds{stage="hop",queue="sqs",quantile="0.9"} 1e-06
                sluice_stage_seconds{stage="hop",queue="sqs",quantile="0.99"} 1e-06
                sluice_stage_seconds{stage="hop",queue="sqs",quantile="0.999"} 1e-06
                sluice_stage_seconds_sum{stage="hop",queue="sqs"} 1e-06
                sluice_stage_seconds_count{stage="hop",queue="sqs"} 1
                # HELP sluice_stage_max_seconds Longest latency of each stage, since the process started.
                # TYPE sluice_stage_max_seconds gauge
                sluice_stage_max_seconds{stage="hop",queue="sqs"} 1e-06

                """
        )
        #expect(text(PrometheusMetrics(), stages: histograms) == text(metrics))
    }
}
