/// Whether one receiver gets its topic's events in order, judged twice: by the gateway's own sequence numbers, and by what the publishers saw.
struct ReceiverOrder {
    enum Verdict: Equatable {
        case inOrder
        /// The event's `previous` isn't the event that came before: something is missing in between.
        case hole
        case outOfOrder
    }

    private var lastSequence: UInt64
    /// When the latest of the received messages was sent.
    private var latestSentNanoseconds: UInt64 = 0

    /// - Parameter sequence: the topic's newest record when the subscription began.
    init(after sequence: UInt64) { lastSequence = sequence }

    /// Judges an event that isn't a repetition.
    ///
    /// A message that was acknowledged before another was sent is the older one, whatever numbers they were given.
    mutating func check(_ event: BenchEvent, sentNanoseconds: UInt64, acknowledgedNanoseconds: UInt64?) -> Verdict {
        let isOvertaken = acknowledgedNanoseconds.map { $0 < latestSentNanoseconds } ?? false
        latestSentNanoseconds = max(latestSentNanoseconds, sentNanoseconds)
        guard event.sequence > lastSequence, !isOvertaken else { return .outOfOrder }
        return follow(event) ? .inOrder : .hole
    }

    /// Notes an event of which nothing else is known.
    /// - Returns: whether it follows the one before.
    @discardableResult
    mutating func follow(_ event: BenchEvent) -> Bool {
        let isNext = event.previous == lastSequence
        lastSequence = max(lastSequence, event.sequence)
        return isNext
    }
}
