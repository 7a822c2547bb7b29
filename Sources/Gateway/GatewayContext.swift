package import ChangeQueue
package import Logging
import Metrics
package import NIOCore
package import SluiceCore
package import SubscriptionRegistry
import Synchronization

/// What all the connections of a gateway share.
///
/// Made once by ``Gateway``; everything in it may be used from any thread.
///
/// When the gateway drains, every channel receives NIO's `ChannelShouldQuiesceEvent`; HTTP connections then close after
/// the answers that are due, WebSockets within ``GatewayConfiguration/drainWindow``. The gateway goes on when the last
/// channel is closed.
package final class GatewayContext: Sendable {
    /// What the operator chose.
    package let configuration: GatewayConfiguration
    /// This gateway in the registry and on the links.
    package let gatewayID: GatewayID
    /// The log's random id, part of every record id.
    package var logID: UInt32 { reader.logID }
    /// Appends records.
    package let writer: any LogAppending
    /// Reads committed records.
    package let reader: any LogReading
    /// Records connections and subscriptions.
    package let registry: any SubscriptionDirectory
    /// Decides who may connect, subscribe and publish.
    package let authorizer: any Authorizer
    /// What this process measures about itself.
    package let measures: GatewayMeasures
    /// Reads topics' histories, for WebSockets and HTTP.
    let history: HistoryPool
    /// Whether the gateway is draining.
    package let drain = DrainState()
    /// What all clients together may hold.
    let budgets: ByteBudgets
    /// The gateway's logger.
    package let logger: Logger
    /// What each of them may do.
    let limiter: ClientLimiter
    /// Tells of what clients do.
    let accessLog: AccessLog
    // A plain dictionary: made at start, never changed, so that event loops look their bridge up without a lock.
    private let bridges: [ObjectIdentifier: AppendBridge]

    /// Collects what a gateway's connections need.
    ///
    /// `group`: the loops that connections run on; each gets its ``AppendBridge``.
    package init(
        configuration: GatewayConfiguration,
        gatewayID: GatewayID,
        writer: any LogAppending,
        reader: any LogReading,
        registry: any SubscriptionDirectory,
        authorizer: any Authorizer,
        measures: GatewayMeasures,
        group: any EventLoopGroup,
        logger: Logger
    ) {
        self.configuration = configuration
        self.gatewayID = gatewayID
        self.writer = writer
        self.reader = reader
        self.registry = registry
        self.authorizer = authorizer
        self.measures = measures
        self.logger = logger
        accessLog = AccessLog(every: configuration.accessLogEvery, logger: logger)
        Gauge(label: "sluice_log_epoch_info", dimensions: [("epoch", reader.epochs.text)], factory: measures.metrics)
            .record(1)
        limiter = ClientLimiter(
            configuration.limits,
            proxies: configuration.proxies,
            metrics: measures.metrics,
            logger: logger
        )
        budgets = ByteBudgets(configuration.http, metrics: measures.metrics, logger: logger)
        history = HistoryPool(counters: HistoryCounters(factory: measures.metrics))
        var bridges: [ObjectIdentifier: AppendBridge] = [:]
        for eventLoop in group.makeIterator() {
            bridges[ObjectIdentifier(eventLoop)] = AppendBridge(eventLoop: eventLoop) { requests, client in
                writer.submit(requests, for: client)
            }
        }
        self.bridges = bridges
    }

    /// The bridge to the log of a loop of the gateway's group; a loop of another group gets one of its own.
    package func bridge(on eventLoop: any EventLoop) -> AppendBridge {
        if let bridge = bridges[ObjectIdentifier(eventLoop)] { return bridge }
        let writer = writer
        return AppendBridge(eventLoop: eventLoop) { requests, client in writer.submit(requests, for: client) }
    }
}

/// Whether the gateway is draining.
///
/// Set once, read by every request, so it is an atomic and no lock.
package final class DrainState: Sendable {
    private let flag = Atomic<Bool>(false)

    /// A gateway that isn't draining.
    package init() {}

    /// Whether the drain has begun.
    package var isDraining: Bool { flag.load(ordering: .acquiring) }

    /// Begins the drain: `/readyz` answers 503 from now on.
    package func begin() { flag.store(true, ordering: .releasing) }
}

/// One kind of log line that outside input can cause, written once a second at most.
final class BoundedLog: Sendable {
    private let logger: Logger
    private let limit = Mutex(LogRateLimit())

    init(_ logger: Logger) { self.logger = logger }

    /// Writes a line with how many were left out before it, or leaves it out.
    ///
    /// `metadata`: only made for a line that is written.
    func write(_ level: Logger.Level, _ message: Logger.Message, _ metadata: @autoclosure () -> Logger.Metadata) {
        let now = StageClock.nowNanoseconds()
        guard let leftOut = limit.withLock({ $0.admit(atNanoseconds: now) }) else { return }
        var metadata = metadata()
        if leftOut > 0 { metadata["leftOut"] = "\(leftOut)" }
        logger.log(level: level, message, metadata: metadata)
    }
}
