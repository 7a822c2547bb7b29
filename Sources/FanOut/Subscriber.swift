package import NIOCore
package import SluiceCore

/// One client's end of the fan-out, whatever its protocol: a WebSocket, a stream of lines, a session of another protocol.
///
/// It lives on one event loop, on which everything is called, and is told what to send as bytes that it shares with others. It puts what is its own
/// in front of each event, such as a subscription's id of its protocol, when it has to.
package protocol Subscriber: AnyObject {
    /// The connection's id, as the registry knows it.
    var id: ConnectionID { get }
    /// Its place in its loop's table; the loop sets it.
    var slot: Int { get set }
    /// For whom its history is read.
    var historyAsker: HistoryAsker { get }

    /// Takes events; they may wait in a buffer until ``flushNow()``.
    /// - Returns: ``DeliveryOutcome/tooSlow`` when more bytes wait for its client than it may have.
    func deliver(_ events: SharedEvents, for subscription: SubscriptionID) -> DeliveryOutcome

    /// Takes a piece of history, and says by `left` when it has left the buffer, so that the next one is read.
    func deliverHistory(_ events: SharedEvents, for subscription: SubscriptionID, left: EventLoopPromise<Void>)

    /// Flushes what was written since the last time.
    func flushNow()

    /// The fan-out is done with it: tell the client why, and close.
    func end(_ reason: SubscriberEnd)

    /// Looks at the clock: some times a second, nanoseconds of the loop's clock.
    func lookAtClock(now: UInt64)
}

/// Why the fan-out ends a subscriber.
package enum SubscriberEnd: Sendable {
    /// More bytes wait for its client than it may have: it comes back and resumes.
    case slowConsumer
    /// Its history can't be read: it comes back and resumes.
    case historyUnreadable
}

/// What became of events that were given to one subscriber.
package enum DeliveryOutcome: Sendable {
    /// They are in its buffer.
    case taken
    /// More bytes wait for its client than the limit allows.
    case tooSlow
    /// It closes.
    case closed
}

/// A subscriber's place in its loop's table with its id, since places are used again.
package struct SubscriberKey: Hashable, Sendable {
    /// The place.
    package let slot: Int
    /// The connection's id.
    package let id: ConnectionID

    /// Names a subscriber.
    package init(slot: Int, id: ConnectionID) {
        self.slot = slot
        self.id = id
    }
}

extension Subscriber {
    /// Its place with its id.
    package var key: SubscriberKey { SubscriberKey(slot: slot, id: id) }
}

/// Which of a subscriber's subscriptions: a number that its protocol chooses, 0 where a topic has one.
package struct SubscriptionID: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The only one of its topic.
    package static let only = SubscriptionID(rawValue: 0)
}
