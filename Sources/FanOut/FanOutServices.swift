package import SluiceCore

/// What the fan-out needs of the log, the registry and the process around it: no more, so that tests need none of them.
///
/// A class, so that asking for one of its closures on the way of an event copies nothing of the others.
package final class FanOutServices: Sendable {
    /// Limits.
    package let limits: FanOutLimits
    /// The registered formats, by their ids.
    package let formats: [any EventFormat]
    /// A topic's newest committed record.
    package let head: @Sendable (Topic) throws -> SequenceNumber
    /// Reads histories.
    package let history: HistoryReader
    /// Reads history for a subscriber when its turn comes, away from the event loops.
    package let offload: @Sendable (HistoryWork, HistoryAsker) -> Void
    /// Gives up what was to be read for a subscriber.
    package let forget: @Sendable (HistoryAsker) -> Void
    /// Has the registry commit a subscriber's interest; `then` is called after the commit, on any thread.
    package let subscribe:
        @Sendable (
            _ id: ConnectionID, _ topics: [Topic], _ then: @escaping @Sendable (Result<Void, any Error>) -> Void
        ) -> Void
    /// Tells the registry that the interest is over.
    package let unsubscribe: @Sendable (_ id: ConnectionID, _ topics: [Topic]) -> Void
    /// What is counted.
    package let measures: any FanOutMeasures
    /// A monotonic clock, nanoseconds.
    package let now: @Sendable () -> UInt64

    package init(
        limits: FanOutLimits,
        formats: [any EventFormat],
        head: @escaping @Sendable (Topic) throws -> SequenceNumber,
        history: HistoryReader,
        offload: @escaping @Sendable (HistoryWork, HistoryAsker) -> Void,
        forget: @escaping @Sendable (HistoryAsker) -> Void,
        subscribe:
            @escaping @Sendable (
                _ id: ConnectionID, _ topics: [Topic], _ then: @escaping @Sendable (Result<Void, any Error>) -> Void
            ) -> Void,
        unsubscribe: @escaping @Sendable (_ id: ConnectionID, _ topics: [Topic]) -> Void,
        measures: any FanOutMeasures,
        now: @escaping @Sendable () -> UInt64
    ) {
        self.limits = limits
        self.formats = formats
        self.head = head
        self.history = history
        self.offload = offload
        self.forget = forget
        self.subscribe = subscribe
        self.unsubscribe = unsubscribe
        self.measures = measures
        self.now = now
    }
}

/// The fan-out's limits.
package struct FanOutLimits: Sendable {
    /// Subscriptions that one subscriber may have.
    package var subscriptionsPerSubscriber: Int
    /// Records that one resume may bring; what is older is a gap.
    package var resumeRecords: Int
    /// History is sent in pieces of about so many bytes, the next one when the last has left.
    package var resumePieceBytes: Int
    /// Subscribers that are written to before the event loop looks at its other work.
    package var visitsPerTurn: Int
    /// Records of a hole that an event loop reads itself; a larger one is caught up on by each subscriber from the log.
    package var holeRecords: Int
    /// Bytes of such a hole.
    package var holeBytes: Int

    package init(
        subscriptionsPerSubscriber: Int,
        resumeRecords: Int,
        resumePieceBytes: Int,
        visitsPerTurn: Int,
        holeRecords: Int,
        holeBytes: Int
    ) {
        self.subscriptionsPerSubscriber = subscriptionsPerSubscriber
        self.resumeRecords = resumeRecords
        self.resumePieceBytes = resumePieceBytes
        self.visitsPerTurn = visitsPerTurn
        self.holeRecords = holeRecords
        self.holeBytes = holeBytes
    }
}

/// Where the fan-out counts.
package protocol FanOutMeasures: Sendable {
    /// Events were written: records times subscribers.
    func eventsWritten(_ count: Int)
    /// Delivered records were repetitions.
    func recordsRepeated(_ count: Int)
    /// Records were read from the log because their delivery came late or never.
    func recordsFilled(_ count: Int)
    /// Subscriptions came, or went when the number is negative.
    func subscriptionsChanged(by count: Int)
    /// Records were sent from histories.
    func recordsResumed(_ count: Int)
}

/// Why a subscribe comes to nothing.
package enum SubscribeFailure: Error {
    /// The subscriber would have more subscriptions than it may.
    case tooMany(present: Int, added: Int, limit: Int)
    /// The registry or the log didn't do its part.
    case storage(any Error)
}
