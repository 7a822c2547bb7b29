import SluiceCore

/// One of a subscriber's subscriptions to one topic, as the topic's list holds it.
///
/// Kept small: the fan-out walks these.
struct Subscription {
    /// The subscriber's place in the loop's table.
    let subscriber: Int32
    /// The place of the counterpart in the subscriber's own list.
    fileprivate(set) var ordinal: Int32
    /// It gets records with a higher number only; the highest number of all while it is held.
    fileprivate(set) var startAfter: SequenceNumber
    /// Its subscriber has no other: whatever is written to the subscriber is written for it.
    fileprivate(set) var isOnlyOne: Bool
    /// How its events come.
    let format: EventFormatID
    /// Its subscriber writes nothing of its own in front of an event, so that events may go to the socket directly.
    let isShared: Bool
    /// Which of the subscriber's it is.
    let id: SubscriptionID

    /// What `startAfter` is while the subscription gets nothing from the fan-out: its reply or its history isn't sent
    /// yet.
    static let held = SequenceNumber(UInt64.max)

    /// Whether it gets nothing from the fan-out.
    var isHeld: Bool { startAfter == Subscription.held }
}

extension Subscription {
    /// Makes a held subscription.
    static func held(_ subscriber: Int, ordinal: Int, _ wish: SubscriptionWish) -> Subscription {
        Subscription(
            subscriber: Int32(truncatingIfNeeded: subscriber),
            ordinal: Int32(truncatingIfNeeded: ordinal),
            startAfter: held,
            isOnlyOne: ordinal == 0,
            format: wish.format,
            isShared: wish.isShared,
            id: wish.id
        )
    }

    mutating func move(to ordinal: Int) { self.ordinal = Int32(truncatingIfNeeded: ordinal) }

    mutating func set(isOnlyOne: Bool) { self.isOnlyOne = isOnlyOne }

    mutating func start(after sequence: SequenceNumber) { startAfter = sequence }
}

/// Tells one subscribe of a topic by a subscriber from an earlier one, so that what was begun for that one doesn't touch
/// this one.
struct SubscriptionTicket: Hashable, Sendable {
    /// The topic's place in the loop's index.
    let feed: Int
    /// Unique on the loop.
    let number: UInt64
}

/// A subscription that was live and must catch up from the log.
struct HeldSubscription {
    /// The subscriber's place.
    let subscriber: Int
    /// The topic.
    let topic: Topic
    /// The subscription.
    let ticket: SubscriptionTicket
    /// The client has everything up to here.
    let sent: SequenceNumber
    /// How its events come.
    let wish: SubscriptionWish
}

/// What the chain says about a record that was delivered.
enum RecordArrival: Equatable {
    /// Nobody here wants it now.
    case unwanted
    /// It was passed on before.
    case repetition
    /// It is the next of its topic.
    case next(feed: Int)
    /// Records after `position` and before it haven't come.
    case hole(feed: Int, position: SequenceNumber)
}

/// How a subscriber wants a topic's events.
package struct SubscriptionWish: Hashable, Sendable {
    /// Which of the subscriber's subscriptions it is.
    package var id: SubscriptionID
    /// How its events come.
    package var format: EventFormatID
    /// Whether events are written as they are, with nothing of the subscriber's own in front.
    package var isShared: Bool

    package init(id: SubscriptionID = .only, format: EventFormatID, isShared: Bool = true) {
        self.id = id
        self.format = format
        self.isShared = isShared
    }
}

extension Subscription {
    /// How its subscriber wants the events.
    var wish: SubscriptionWish { SubscriptionWish(id: id, format: format, isShared: isShared) }
}
