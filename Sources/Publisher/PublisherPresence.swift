import SluiceCore
import SubscriptionRegistry
import Synchronization

/// This publisher in the registry, so that `sluice latency` and people find it. The address comes from the server, the row is written by the thread.
final class PublisherPresence: Sendable {
    let publisherID = ConnectionID.random().description
    private let address = Mutex<String?>(nil)

    /// The operations server accepts connections.
    func listening(at address: String) { self.address.withLock { $0 = address } }

    /// The row to write, once the address is known.
    var row: PublisherRow? {
        address.withLock { address in address.map { PublisherRow(id: publisherID, operationsAddress: $0) } }
    }
}
