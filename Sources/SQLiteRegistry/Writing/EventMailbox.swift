import Dispatch
package import SluiceCore
package import SubscriptionRegistry

/// What has gathered since the writer looked last.
struct EventMailbox: Sendable {
    private var events: [RegistryEvent] = []
    private var waiting = 0
    /// Requests that were taken and aren't answered yet.
    private var takenWaiting = 0
    private var isClosed = false
    private let maximumWaiting: Int

    /// What became of an event.
    enum Posting {
        /// It waits for the writer, who must be woken.
        case wake
        /// It waits for the writer, who is awake.
        case posted
        /// It wasn't taken.
        case refused(RegistryError)
    }

    init(maximumWaiting: Int) { self.maximumWaiting = maximumWaiting }

    /// Adds an event.
    ///
    /// Only subscribes are limited: the others free memory, and each needs an earlier subscribe or connect.
    mutating func post(_ event: RegistryEvent) -> Posting {
        if isClosed {
            return .refused(RegistryError(.closed, "The registry's writer is closed. Connect to another gateway."))
        }
        if case .subscribe = event {
            let waiting = waiting + takenWaiting
            guard waiting < maximumWaiting else {
                return .refused(
                    RegistryError(
                        .overloaded,
                        "\(waiting) subscribe requests wait for the registry, the limit. Try again later."
                    )
                )
            }
            self.waiting += 1
        }
        events.append(event)
        return events.count == 1 ? .wake : .posted
    }

    /// Takes everything, in the order it came.
    mutating func removeAll() -> [RegistryEvent] {
        waiting = 0
        defer { events = [] }
        return events
    }

    /// So many of the requests that were taken aren't answered.
    mutating func note(takenWaiting count: Int) { takenWaiting = count }

    /// Refuses events from now on.
    mutating func close() { isClosed = true }
}

/// What event loops hand to the registry's writer.
enum RegistryEvent: Sendable {
    case connected(ConnectionID, principal: String?, remoteAddress: String, atNanoseconds: UInt64)
    case subscribe(SubscribeRequest)
    case unsubscribe(ConnectionID, [Topic])
    case disconnected(ConnectionID)
    case addresses(http: String, operations: String)
    case flush(@Sendable (Result<Void, RegistryError>) -> Void)
}

/// The answer to one subscribe request.
package struct RegistryCompletion: Sendable {
    /// The connection that asked.
    package let connection: ConnectionID
    /// Success: the interest is committed, and every record published from now on is resolved to this gateway.
    ///
    /// Failure: nothing was subscribed.
    package let result: Result<Void, RegistryError>
    let then: @Sendable (Result<Void, RegistryError>) -> Void

    /// Calls the closure that the request came with.
    package func perform() { then(result) }
}

/// A subscribe that waits for its commit.
struct SubscribeRequest: Sendable {
    let connection: ConnectionID
    let topics: [Topic]
    let atNanoseconds: UInt64
    let then: @Sendable (Result<Void, RegistryError>) -> Void
    /// The topics that the connection wasn't subscribed to before; nil when the connection isn't known.
    var added: [Topic]? = []
    /// Its place in the order of all.
    var arrival: UInt64 = 0

    func completion(_ result: Result<Void, RegistryError>) -> RegistryCompletion {
        RegistryCompletion(connection: connection, result: result, then: then)
    }
}

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
