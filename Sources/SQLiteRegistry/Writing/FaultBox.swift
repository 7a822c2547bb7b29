import SubscriptionRegistry
import Synchronization

/// Why the last transaction failed, to be asked for from any thread.
final class FaultBox: Sendable {
    private let box = Mutex<RegistryError?>(nil)

    var error: RegistryError? { box.withLock { $0 } }

    /// Notes the outcome of a transaction.
    /// - Returns: whether the state has changed between failing and working.
    func note(_ error: RegistryError?) -> Bool {
        box.withLock { current in
            defer { current = error }
            return (current == nil) != (error == nil)
        }
    }
}
