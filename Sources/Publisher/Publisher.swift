import ChangeQueue
import Foundation
import Hummingbird
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
import SluiceCore

/// The publisher process as a service: opens what it shares with the gateways, runs the publisher's event loop and the operations server, and drains.
public struct Publisher: Service, CustomStringConvertible {
    /// What the operator chose.
    public let configuration: PublisherConfiguration
    /// Called when it runs, with the address of the operations server, `http://host:port`.
    public var onRunning: @Sendable (_ operationsAddress: String) async -> Void = { _ in }
    /// Opens what it stands on.
    let drivers: PublisherDrivers.Opening
    let logger: Logger

    /// Makes a publisher on drivers of one's own; nothing is opened before ``run()``.
    ///
    /// `LocalStorage` adds an initializer without `drivers`, for a data directory of this machine.
    public init(configuration: PublisherConfiguration, drivers: @escaping PublisherDrivers.Opening, logger: Logger) {
        self.configuration = configuration
        self.drivers = drivers
        self.logger = logger
    }

    /// Its queue, and nothing that the configuration holds: service groups write it into logs.
    public var description: String { "publisher of '\(configuration.queue.id)'" }

    /// Runs until a graceful shutdown: receives no more, waits for the receipts that are due, gives the rest back and returns.
    /// - Throws: ``PublisherError`` when it can't start.
    public func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let operationsGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let process = PublisherProcess(publisher: self, eventLoop: group.next(), operationsGroup: operationsGroup)
        let result: Result<Void, any Error>
        do {
            result = .success(try await process.run())
        } catch {
            result = .failure(error)
        }
        try? await group.shutdownGracefully()
        try? await operationsGroup.shutdownGracefully()
        try result.get()
    }
}
