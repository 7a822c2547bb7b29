import Foundation
import Glibc
import Logging
import PosixSupport
import ServiceLifecycle
import UnixSignals

/// Runs one process's service until it is told to drain.
enum ServiceRunner {
    /// Runs a service that SIGTERM and SIGINT drain; a second one of them ends the process at once.
    /// - Parameters:
    ///   - service: what to run.
    ///   - isChild: whether the end of standard input, thus of the parent, drains it too.
    ///   - logger: for the service group.
    ///   - reload: what SIGHUP asks for.
    /// - Throws: what the service throws.
    static func run(
        _ service: any Service,
        isChild: Bool,
        logger: Logger,
        reload: @escaping @Sendable () -> Void = {}
    )
        async throws
    {
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
            // Its default would end the process without a drain; `systemctl reload` and logrotate send it.
            tasks.addTask { for await _ in await UnixSignalsSequence(trapping: .sighup) { reload() } }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }
}

/// Who asks twice doesn't want to wait for the drain.
enum SecondSignal {
    /// Ends the process at once on the second SIGTERM or SIGINT, with the exit code that a shell gives to that signal.
    static func wait() async {
        var count = 0
        for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
            count += 1
            guard count > 1 else { continue }
            Terminal.writeError("sluice: second \(signal), not waiting for the drain\n")
            _exit(128 + signal.rawValue)
        }
        // Cancelled: the service has ended first.
    }
}

/// Ends a child process with its parent, however that ends: the parent holds the other end of standard input.
enum ParentWatch {
    /// Starts to wait for the end of standard input, and then asks this process to drain.
    static func start() {
        // A thread of its own, for reading blocks.
        let watch: @Sendable () -> Void = {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                guard count > 0 || (count < 0 && errno == EINTR) else { break }
            }
            kill(getpid(), SIGTERM)
        }
        do throws(SystemError) {
            try PosixThread.startDetached(name: "sluice-parent", body: watch)
        } catch {
            Terminal.writeError("sluice: \(error); this process won't end with its parent\n")
        }
    }
}
