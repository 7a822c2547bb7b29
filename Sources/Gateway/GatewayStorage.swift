import ChangeQueue
import Logging
import SluiceCore
import StageLatency
import SubscriptionRegistry

/// What a gateway opens in its data directory, in this order.
struct GatewayStorage {
    let run: RunDirectory
    /// Held while the gateway runs: two of one name would remove each other's rows from the registry.
    let nameLock: NameLock
    let log: ChangeLog
    let writer: LogWriter
    let registry: SubscriptionRegistry
    let logEnd: LogEnd

    /// Opens, or makes, everything.
    /// - Throws: `dataDirectory`, with what couldn't be opened and why.
    static func open(
        _ configuration: GatewayConfiguration,
        _ authorizer: any Authorizer,
        _ measures: GatewayMeasures,
        _ logger: Logger
    ) throws(GatewayError) -> GatewayStorage {
        let directory = configuration.dataDirectory
        do {
            let run = try RunDirectory(data: directory)
            guard let nameLock = try NameLock("\(configuration.name).gateway", in: run) else {
                throw GatewayError(
                    .dataDirectory,
                    "Another gateway named '\(configuration.name)' runs on \(directory). Give this one a --name of its own."
                )
            }
            var logConfiguration = configuration.log
            logConfiguration.directory = directory + "/log"
            logConfiguration.maximumPayloadBytes = configuration.http.payloadBytes
            configuration.quotas.apply(
                to: &logConfiguration,
                knowsPrincipals: !(authorizer is AllowAllAuthorizer)
            )
            let log = try ChangeLog.open(logConfiguration)
            warnOfRetention(logConfiguration, logger)
            let registry = try SubscriptionRegistry(path: directory + "/registry.sqlite", logger: logger)
            let writer = LogWriter(log: log, doorbell: DoorbellRinger(run), logger: logger) { [log = measures.log] in
                log.count($0, requests: $1)
            }
            let commitTimes = measures.commitTimes
            let reader = log.reader
            let logEnd = LogEnd { try reader.lastSequence() }
            writer.onCommit = { first, count, committedAt in
                if count > 0 { logEnd.raise(to: SequenceNumber(first.rawValue + UInt64(count - 1))) }
                commitTimes.note(first: first, count: count, committedAtNanoseconds: committedAt)
            }
            return GatewayStorage(
                run: run,
                nameLock: nameLock,
                log: log,
                writer: writer,
                registry: registry,
                logEnd: logEnd
            )
        } catch let error as GatewayError {
            throw error
        } catch {
            throw GatewayError(
                .dataDirectory,
                """
                The data directory \(directory) can't be used: \(error) \
                Check that it exists or can be made, and that this user may write to it.
                """
            )
        }
    }

    /// Retention by size that begins where publishes are refused already would never begin.
    private static func warnOfRetention(_ log: ChangeLogConfiguration, _ logger: Logger) {
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
