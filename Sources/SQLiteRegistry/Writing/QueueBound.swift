import Dispatch
import SubscriptionRegistry

/// A value that is used on one serial queue only.
///
/// `@unchecked Sendable`: the reference may travel, the value is reached on its queue alone, which ``assumeOnQueue(_:)`` checks.
final class QueueBound<Value>: @unchecked Sendable {
    private let queue: DispatchQueue
    private let value: Value

    init(_ queue: DispatchQueue, _ value: sending Value) {
        self.queue = queue
        self.value = value
    }

    /// Uses the value in a block that already runs on the queue.
    func assumeOnQueue<Result>(_ body: (Value) throws -> Result) rethrows -> Result {
        dispatchPrecondition(condition: .onQueue(queue))
        return try body(value)
    }

    /// Waits for the queue and uses the value there.
    func sync<Result>(_ body: (Value) throws -> Result) rethrows -> Result {
        try queue.sync { try body(value) }
    }
}
