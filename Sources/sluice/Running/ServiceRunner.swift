import Logging
import ServiceLifecycle
import UnixSignals

/// Runs one process's service until it is told to drain.
enum ServiceRunner {
    /// Runs a service that SIGTERM and SIGINT drain; a second one of them ends the process at once.
    /// - Parameters:
    ///   - service: what to run.
    ///   - isChild: whether the end of standard input, thus of the parent, drains it too.
    ///   - logger: for the service group.
    /// - Throws: what the service throws.
    static func run(_ service: any Service, isChild: Bool, logger: Logger) async throws {
        if isChild { ParentWatch.start() }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: service,
                        successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup
                    )
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
