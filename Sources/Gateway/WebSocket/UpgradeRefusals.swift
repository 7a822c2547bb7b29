import Logging
import Metrics
import NIOCore
import SluiceCore

/// Counts and logs the clients that don't get a WebSocket, by the reason.
struct UpgradeRefusals: Sendable {
    // One counter a code, made at start.
    private let counters: [APIErrorCode: Counter]
    private let logger: Logger

    init(factory: any MetricsFactory, logger: Logger) {
        var counters: [APIErrorCode: Counter] = [:]
        for code in APIErrorCode.allCases {
            counters[code] = Counter(
                label: "sluice_websocket_refused_connects_total",
                dimensions: [("code", code.rawValue)],
                factory: factory
            )
        }
        self.counters = counters
        self.logger = logger
    }

    /// Notes a refusal.
    ///
    /// The path alone is told, for the query may carry a token.
    func note(_ error: APIError, path uri: String, address: SocketAddress?) {
        counters[error.code]?.increment()
        guard logger.logLevel <= .debug else { return }
        var uri = uri
        let path = uri.withUTF8 { String(decoding: RequestTarget.path(of: $0), as: UTF8.self) }
        logger.debug(
            "A client was refused its WebSocket.",
            metadata: [
                "code": "\(error.code.rawValue)", "reason": "\(error.message)",
                "path": "\(path.printable(limit: 200))", "address": "\(address?.clientDescription ?? "unknown")",
            ]
        )
    }
}
