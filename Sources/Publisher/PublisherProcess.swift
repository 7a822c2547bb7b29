import ChangeQueue
import Foundation
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import SluiceCore
import SubscriptionRegistry
import Synchronization

/// A publisher's parts while it runs: the loop that carries records, and the server that answers for it.
struct PublisherProcess: Sendable {
    let publisher: Publisher
    /// The publisher's own, with the doorbell and the links.
    let eventLoop: any EventLoop
    /// The operations server's, so that it answers also while a queue is slow.
    let operationsGroup: any EventLoopGroup

    private var configuration: PublisherConfiguration { publisher.configuration }
    private var logger: Logger { publisher.logger }

    /// Runs until the loop has drained.
    func run() async throws {
        let latency = PublisherLatency(queue: configuration.queue.id)
        let presence = PublisherPresence(queue: publisher.configuration.queue.id)
        let loop = try await PublisherHandle(
            publisher: publisher,
            latency: latency,
            presence: presence,
            eventLoop: eventLoop
        )
        let server = operationsServer(latency: latency, presence: presence)
        let drainTimeout = configuration.drainTimeout
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            // The operations server goes on while the publisher drains, so that its figures can be watched; cancelling ends it.
            tasks.addTask { try await serve(server) }
            tasks.addTask {
                try await withTaskCancellationOrGracefulShutdownHandler {
                    try await loop.run()
                } onCancelOrGracefulShutdown: {
                    loop.stop(within: drainTimeout)
                }
            }
            defer { tasks.cancelAll() }
            try await tasks.next()
            // The server ends first only when it can't start or a shutdown has reached it too: the loop's drain is what counts.
            loop.stop(within: drainTimeout)
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    private func operationsServer(latency: PublisherLatency, presence: PublisherPresence) -> some ApplicationProtocol {
        let onRunning = publisher.onRunning
        let logger = logger
        let server = OperationsServer(
            host: configuration.operationsHost,
            port: configuration.operationsPort,
            latency: latency,
            group: operationsGroup,
            logger: logger
        )
        return server.application { address in
            presence.listening(at: address)
            logger.info(
                "publisher is up",
                metadata: ["publisher": "\(presence.publisherID)", "operations": "\(address)"]
            )
            await onRunning(address)
        }
    }

    private func serve(_ application: some ApplicationProtocol) async throws {
        do {
            try await application.run()
        } catch let error as IOError {
            throw PublisherError(
                .operationsAddress,
                "The operations server can't listen on \(configuration.operationsHost):\(configuration.operationsPort): \(error). "
                    + "Choose a free port with --operations-port."
            )
        }
    }
}

/// This publisher in the registry, so that `sluice latency` and people find it.
///
/// The address comes from the server, the row is written by the loop.
final class PublisherPresence: Sendable {
    let publisherID = ConnectionID.random().description
    private let queue: QueueID
    private let known = Mutex<PublisherRow?>(nil)

    init(queue: QueueID) { self.queue = queue }

    /// The operations server accepts connections.
    func listening(at address: String) {
        known.withLock { $0 = PublisherRow(id: publisherID, operationsAddress: address, queue: queue.name.string) }
    }

    /// The row to write, once the address is known.
    var row: PublisherRow? { known.withLock { $0 } }
}
