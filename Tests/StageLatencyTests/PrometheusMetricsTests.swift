import Metrics
import SluiceCore
import StageLatency
import Testing

@Suite("PrometheusMetrics")
struct PrometheusMetricsTests {
    private func text(_ metrics: PrometheusMetrics, stages: StageHistograms? = nil) -> String {
        String(decoding: metrics.exposition(stages: stages, ofProcess: false), as: UTF8.self)
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

    @Test("a timer is a histogram in seconds, whose buckets can be summed over processes")
    func timer() {
        let metrics = PrometheusMetrics()
        let timer = Timer(label: "resolve", dimensions: [("a", "b")], factory: metrics)
        for _ in 0..<4 { timer.recordNanoseconds(240_000) }
        timer.recordNanoseconds(3_000_000_000)
        let lines = text(metrics).split(separator: "\n")
        #expect(lines.first == "# HELP resolve_seconds resolve seconds")
        #expect(lines.contains("# TYPE resolve_seconds histogram"))
        #expect(lines.contains(#"resolve_seconds_bucket{a="b",le="0.0001"} 0"#))
        #expect(lines.contains(#"resolve_seconds_bucket{a="b",le="0.00025"} 4"#))
        #expect(lines.contains(#"resolve_seconds_bucket{a="b",le="2.5"} 4"#))
        #expect(lines.contains(#"resolve_seconds_bucket{a="b",le="5"} 5"#))
        #expect(lines.contains(#"resolve_seconds_bucket{a="b",le="+Inf"} 5"#))
        #expect(lines.contains(#"resolve_seconds_sum{a="b"} 3.00096"#))
        #expect(lines.contains(#"resolve_seconds_count{a="b"} 5"#))
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

    @Test("the stages are a histogram with stage and queue, and a gauge of the maximum")
    func stages() {
        let histograms = StageHistograms(queue: .sqs)
        let metrics = PrometheusMetrics(stages: histograms)
        #expect(text(metrics).isEmpty)
        histograms.record(.hop, nanoseconds: 600_000)
        let lines = text(metrics).split(separator: "\n")
        #expect(lines.contains("# TYPE sluice_stage_seconds histogram"))
        #expect(lines.contains(#"sluice_stage_seconds_bucket{stage="hop",queue="sqs",le="0.0005"} 0"#))
        #expect(lines.contains(#"sluice_stage_seconds_bucket{stage="hop",queue="sqs",le="0.001"} 1"#))
        #expect(lines.contains(#"sluice_stage_seconds_bucket{stage="hop",queue="sqs",le="+Inf"} 1"#))
        #expect(lines.contains(#"sluice_stage_seconds_count{stage="hop",queue="sqs"} 1"#))
        #expect(lines.contains("# TYPE sluice_stage_max_seconds gauge"))
        #expect(text(PrometheusMetrics(), stages: histograms) == text(metrics))
    }

    @Test("the process's own figures come under their usual names")
    func ofProcess() {
        let text = String(decoding: PrometheusMetrics().exposition(), as: UTF8.self)
        let names = [
            "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds",
            "process_start_time_seconds", "process_virtual_memory_bytes",
        ]
        for name in names { #expect(text.contains("\n\(name) ")) }
        #expect(text.contains("sluice_build_info{version=\"\(SluiceVersion.current)\"} 1"))
    }
}
