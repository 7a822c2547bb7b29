import SluiceCore
import SubscriptionRegistry
import Synchronization

/// This publisher in the registry, so that `sluice latency` and people find it.
///
/// The address comes from the server, the row is written by the thread.
final class PublisherPresence: Sendable {
    let publisherID = ConnectionID.random().description
    private let known = Mutex<PublisherRow?>(nil)

    /// The operations server accepts connections.
    func listening(at address: String) {
        known.withLock { $0 = PublisherRow(id: publisherID, operationsAddress: address) }
    }

    /// The row to write, once the address is known.
    var row: PublisherRow? { known.withLock { $0 } }
}
