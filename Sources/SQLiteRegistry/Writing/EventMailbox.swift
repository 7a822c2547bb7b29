import SluiceCore
import SubscriptionRegistry

/// What has gathered since the writer looked last.
struct EventMailbox: Sendable {
    private var events: [RegistryEvent] = []
    private var waiting = 0
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
            guard waiting < maximumWaiting else {
                return .refused(
                    RegistryError(
                        .overloaded,
                        "\(waiting) subscribe requests wait for the registry, the limit. Try again later."
                    )
                )
            }
            waiting += 1
        }
        events.append(event)
        return events.count == 1 ? .wake : .posted
    }

    /// Takes everything, in the order it came.
    mutating func take() -> [RegistryEvent] {
        waiting = 0
        defer { events = [] }
        return events
    }

    /// Refuses events from now on.
    mutating func close() { isClosed = true }
}
