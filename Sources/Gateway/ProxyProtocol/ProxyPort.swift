import Logging
import Metrics

/// A port whose trusted proxies send PROXY headers: counts those that come without.
struct ProxyPort: Sendable {
    /// Why a connection was closed in place of its header.
    enum Failure: String, CaseIterable {
        /// It began with something else.
        case invalid
        /// It took too long.
        case timeout
        /// The proxy closed it before.
        case closed
    }

    private let failures: CounterFamily<Failure>
    private let log: BoundedLog
    private let quietLog: BoundedLog

    init(factory: any MetricsFactory, logger: Logger) {
        failures = CounterFamily("sluice_proxy_header_failures_total", by: "reason", factory: factory)
        log = BoundedLog(logger)
        quietLog = BoundedLog(logger)
    }

    /// A trusted proxy's connection has no header.
    func failed(_ failure: Failure, _ fault: ProxyHeader.Fault?, of proxy: ClientAddress) {
        failures.increment(failure)
        let metadata: Logger.Metadata = ["proxy": "\(proxy)", "reason": "\(fault?.rawValue ?? failure.rawValue)"]
        guard failure != .closed else {
            // Checks of health connect and leave.
            return quietLog.write(.debug, "a trusted proxy's connection ended before its PROXY header", metadata)
        }
        log.write(
            .warning,
            "a trusted proxy's connection has no PROXY header: have it send one, or leave out --proxy-protocol",
            metadata
        )
    }
}
