public import ChangeQueue
public import Logging
package import Queues
import SluiceCore
import StageLatency
public import SubscriptionRegistry

/// What a gateway stands on, opened by whoever composes it (docs/decisions/drivers-behind-protocols.md).
///
/// `LocalStorage` opens a log, a registry and sockets in a data directory of this machine.
public struct GatewayDrivers: Sendable {
    /// Opens what a gateway with this configuration stands on; called once, at its start.
    /// - Throws: ``GatewayError`` with what couldn't be opened and why; any other error is wrapped in one that names the data directory.
    public typealias Opening = @Sendable (_ order: Order) throws -> GatewayDrivers

    /// What is to be opened.
    public struct Order: Sendable {
        /// What the operator chose.
        public let configuration: GatewayConfiguration
        /// The log's limits, quotas worked out; the directory is the driver's to set.
        public let log: ChangeLogConfiguration
        /// To be called, on any thread, when requests of a commit met a limit of the log.
        public let onRefusal: @Sendable (_ refusal: AppendRefusal, _ requests: Int) -> Void
        /// To be called, on any thread, when retention has trimmed records that a group of readers hadn't read.
        public let onGroupTrim: @Sendable (_ records: UInt64) -> Void
        /// The gateway's logger.
        public let logger: Logger
    }

    /// Appends to the log.
    public let appending: any LogAppending
    /// Reads the log that is appended to.
    public let reading: any LogReading
    /// The registry as the gateway of this row writes it; nothing is written before it is started.
    public let directory: @Sendable (_ gateway: GatewayRow) -> any SubscriptionDirectory
    /// The path of a Unix socket called so, which publishers of the same log can reach.
    public let socketPath: @Sendable (_ name: String) -> String
    /// Makes again what somebody has removed from outside, such as the lock on the gateway's name; what it holds is let go when the gateway
    /// has stopped.
    let restore: @Sendable () throws -> Void
    /// Message queues and topics in the log; nil where none are offered.
    package var messageQueues: (any TopicStore)?

    /// Collects what was opened; `restore` is called every second while the gateway runs, and what it throws makes the gateway not ready.
    public init(
        appending: any LogAppending,
        reading: any LogReading,
        directory: @escaping @Sendable (_ gateway: GatewayRow) -> any SubscriptionDirectory,
        socketPath: @escaping @Sendable (_ name: String) -> String,
        restore: @escaping @Sendable () throws -> Void = {}
    ) {
        self.appending = appending
        self.reading = reading
        self.directory = directory
        self.socketPath = socketPath
        self.restore = restore
    }
}

extension Gateway {
    /// Opens the drivers, and has what they commit counted.
    /// - Throws: `dataDirectory`, with what couldn't be opened and why.
    func openDrivers(_ measures: GatewayMeasures) throws(GatewayError) -> (drivers: GatewayDrivers, logEnd: LogEnd) {
        var log = configuration.log
        log.maximumPayloadBytes = configuration.http.payloadBytes
        configuration.quotas.apply(to: &log, knowsPrincipals: !(authorizer is AllowAllAuthorizer))
        warnOfRetention(log)
        let order = GatewayDrivers.Order(
            configuration: configuration,
            log: log,
            onRefusal: { [log = measures.log] refusal, requests in log.count(refusal, requests: requests) },
            onGroupTrim: { [log = measures.log] records in log.count(groupTrimmed: records) },
            logger: logger
        )
        let opened: GatewayDrivers
        do {
            opened = try drivers(order)
        } catch let error as GatewayError {
            throw error
        } catch let error as ChangeQueueError {
            // It says itself what to do.
            throw GatewayError(
                .dataDirectory,
                "The data directory \(configuration.dataDirectory) can't be used: \(error.message)"
            )
        } catch {
            throw GatewayError(
                .dataDirectory,
                """
                The data directory \(configuration.dataDirectory) can't be used: \(error) \
                Check that it exists or can be made, and that this user may write to it.
                """
            )
        }
        let logEnd = LogEnd { [reading = opened.reading] in try reading.lastSequence() }
        let commitTimes = measures.commitTimes
        opened.appending.onCommit = { first, count, committedAt in
            if count > 0 { logEnd.raise(to: SequenceNumber(first.rawValue + UInt64(count - 1))) }
            commitTimes.note(first: first, count: count, committedAtNanoseconds: committedAt)
        }
        return (opened, logEnd)
    }

    /// Retention by size that begins where publishes are refused already would never begin.
    private func warnOfRetention(_ log: ChangeLogConfiguration) {
        let available = log.mapSizeBytes - log.itemsBudgetBytes
        guard log.retentionBytes > available else { return }
        logger.warning(
            "the log may fill up before retention trims it: make the map larger, or retention or the items' share smaller",
            metadata: [
                "retentionBytes": "\(log.retentionBytes)", "mapSizeBytes": "\(log.mapSizeBytes)",
                "itemsBytes": "\(log.itemsBudgetBytes)",
            ]
        )
    }
}
