import Dispatch
import NIOCore
import SubscriptionRegistry

/// Keeps this publisher's row in the registry, on a thread of its own: whoever writes the registry may hold it up for seconds, and no delivery waits
/// for that.
struct PresenceRenewal: Sendable {
    let rows: any PublisherRecording
    private let queue = DispatchQueue(label: "sluice.publisher.presence")

    init(rows: any PublisherRecording) { self.rows = rows }

    /// Renews the row; `then` is called on the loop with what came of it.
    func renew(_ row: PublisherRow, on eventLoop: any EventLoop, then: @escaping @Sendable (RegistryError?) -> Void) {
        queue.async {
            var failure: RegistryError?
            do throws(RegistryError) { try rows.renew(row) } catch { failure = error }
            eventLoop.execute { [failure] in then(failure) }
        }
    }

    /// Removes the row at the end; waits for a renewal that is under way, so that it doesn't come back.
    /// - Throws: ``RegistryError`` when the registry can't be written.
    func remove(_ publisherID: String) throws(RegistryError) {
        let result = queue.sync { Result { () throws(RegistryError) in try rows.remove(publisher: publisherID) } }
        try result.get()
    }
}
