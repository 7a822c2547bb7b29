public import ChangeQueue
public import Logging
import SluiceCore
public import SubscriptionRegistry

/// What a publisher stands on, opened by whoever composes it (docs/decisions/drivers-behind-protocols.md).
///
/// `LocalStorage` opens the queue, the bell and the registry in a data directory of this machine.
public struct PublisherDrivers {
    /// Opens what a publisher with this configuration stands on, or makes it, so that gateway and publisher may start in any order.
    ///
    /// Called once, at its start, on the publisher's event loop, where everything but what is said to be for any thread is used.
    public typealias Opening =
        @Sendable (_ configuration: PublisherConfiguration, _ logger: Logger) throws -> PublisherDrivers

    /// What records are received from.
    public let queue: any ChangeQueue
    /// What tells that there may be some.
    public let bell: any LogBell
    /// Which gateways have subscribers of a topic.
    public let registry: any SubscriptionFollowing
    /// Where records go that gateways keep refusing; nil where they are tried for ever.
    public let deadLetters: (any DeadLetterStore)?

    /// Collects what was opened.
    public init(
        queue: any ChangeQueue,
        bell: any LogBell,
        registry: any SubscriptionFollowing,
        deadLetters: (any DeadLetterStore)? = nil
    ) {
        self.queue = queue
        self.bell = bell
        self.registry = registry
        self.deadLetters = deadLetters
    }
}

extension Publisher {
    /// Opens the drivers.
    /// - Throws: ``PublisherError`` with code `dataDirectory`, with what couldn't be opened and why.
    func openDrivers() throws(PublisherError) -> PublisherDrivers {
        do {
            return try drivers(configuration, logger)
        } catch let error as PublisherError {
            throw error
        } catch let error as ChangeQueueError {
            // It says itself what to do.
            throw PublisherError(
                .dataDirectory,
                "The data directory \(configuration.dataDirectory) can't be used: \(error.message)"
            )
        } catch {
            throw PublisherError(
                .dataDirectory,
                """
                The data directory \(configuration.dataDirectory) can't be used: \(error) \
                Check that it exists or can be made, and that this user may write to it.
                """
            )
        }
    }
}
