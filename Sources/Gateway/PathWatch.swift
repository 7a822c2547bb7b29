import DeliveryLink
import Logging
import Synchronization

/// Looks every second whether the gateway's sockets and locks still stand at their paths, and has those made again that somebody has
/// removed: cleaners of `/tmp`, or a hand.
///
/// What can't be made again is a fault that makes the gateway not ready. The log's and the registry's files are watched by those who write them.
final class PathWatch: Sendable {
    private let drivers: GatewayDrivers
    private let link: LinkServer
    private let logger: Logger
    private let lastFault = Mutex<String?>(nil)

    private static let interval: Duration = .seconds(1)

    init(drivers: GatewayDrivers, link: LinkServer, logger: Logger) {
        self.drivers = drivers
        self.link = link
        self.logger = logger
    }

    /// What couldn't be made again.
    var fault: String? { lastFault.withLock { $0 } }

    /// Looks until its task is cancelled.
    func run() async {
        // Only a cancelled task ends the sleep.
        while (try? await Task.sleep(for: PathWatch.interval)) != nil {
            let found = await look()
            let before = lastFault.withLock { last in
                defer { last = found }
                return last
            }
            guard found != before else { continue }
            if let found {
                logger.error("publishers can't connect", metadata: ["error": "\(found)"])
            } else {
                logger.notice("publishers can connect again")
            }
        }
    }

    private func look() async -> String? {
        do {
            try drivers.restore()
            try await link.restore()
            return nil
        } catch {
            return "\(error)"
        }
    }
}
