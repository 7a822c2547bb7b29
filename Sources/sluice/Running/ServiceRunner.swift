import Logging
import ServiceLifecycle
import UnixSignals

/// Runs one process's service until it is told to drain.
enum ServiceRunner {
    /// Runs `service`. SIGTERM and SIGINT drain it; a second one ends the process at once.
    /// - Parameter isChild: whether the end of standard input, thus of the parent, drains it too.
    static func run(_ service: any Service, isChild: Bool, logger: Logger) async throws {
        if isChild { ParentWatch.start() }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: service, successTerminationBehavior: .gracefullyShutdownGroup, failureTerminationBehavior: .cancelGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask { await SecondSignal.wait() }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }
}
