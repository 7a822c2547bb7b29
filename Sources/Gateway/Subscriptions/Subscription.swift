import SluiceCore

/// One connection's subscription to one topic, as the topic's list holds it.
///
/// Kept small: the fan-out walks these.
struct Subscription {
    /// The connection's place in the loop's table.
    let connection: Int32
    /// The place of the counterpart in the connection's own list.
    fileprivate(set) var ordinal: Int32
    /// It gets records with a higher number only; the highest number of all while it is held.
    fileprivate(set) var startAfter: SequenceNumber
    /// Its connection has no other: whatever is written to the connection is written for it.
    fileprivate(set) var isOnlyOne: Bool
    /// How its events come.
    let encoding: EventEncoding

    /// What `startAfter` is while the subscription gets nothing from the fan-out: its reply or its history isn't sent
    /// yet.
    static let held = SequenceNumber(UInt64.max)

    /// Whether it gets nothing from the fan-out.
    var isHeld: Bool { startAfter == Subscription.held }
}

extension Subscription {
    /// Makes a held subscription.
    static func held(_ connection: Int, ordinal: Int, _ encoding: EventEncoding) -> Subscription {
        Subscription(
            connection: Int32(truncatingIfNeeded: connection),
            ordinal: Int32(truncatingIfNeeded: ordinal),
            startAfter: held,
            isOnlyOne: ordinal == 0,
            encoding: encoding
        )
    }

    mutating func move(to ordinal: Int) { self.ordinal = Int32(truncatingIfNeeded: ordinal) }

    mutating func set(isOnlyOne: Bool) { self.isOnlyOne = isOnlyOne }

    mutating func start(after sequence: SequenceNumber) { startAfter = sequence }
}
