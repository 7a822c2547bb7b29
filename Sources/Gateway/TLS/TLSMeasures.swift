import Metrics

/// Figures of a port with TLS.
struct TLSMeasures: Sendable {
    /// Why a handshake failed.
    enum Failure: String, CaseIterable {
        /// The client stopped speaking, or spoke no TLS.
        case failed
        /// It took too long.
        case timeout
        /// The client's certificate isn't one that is trusted, or there is none.
        case certificate
    }

    private let failures: CounterFamily<Failure>
    private let reloads: Counter
    private let factory: any MetricsFactory

    init(factory: any MetricsFactory) {
        self.factory = factory
        failures = CounterFamily("sluice_tls_handshake_failures_total", by: "reason", factory: factory)
        reloads = Counter(label: "sluice_tls_reload_failures_total", dimensions: [], factory: factory)
    }

    func failed(_ reason: Failure) { failures.increment(reason) }

    func reloadFailed() { reloads.increment() }

    func certificate(_ file: String, secondsLeft: Int) {
        Gauge(label: "sluice_tls_certificate_seconds_left", dimensions: [("file", file)], factory: factory)
            .record(secondsLeft)
    }
}
