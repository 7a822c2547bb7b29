import SluiceCore

/// The way of one subscription from its history to live: walk the chain, send what it found in pieces, and do so again
/// until the topic's position is reached.
///
/// A value; the loop reads and writes.
struct CatchUp {
    /// What is next.
    enum Step: Equatable {
        /// Read and send these records.
        case read([SequenceNumber])
        /// Walk the chain from `head` down to ``CatchUp/sent``.
        case walk(head: SequenceNumber)
    }

    /// Most records of one piece, so that the list which travels to the reading thread stays small.
    static let pieceRecords = 256

    /// Whose it is.
    let subscriber: SubscriberKey
    /// The topic.
    let topic: Topic
    /// The subscription.
    let ticket: SubscriptionTicket
    /// How its events come.
    let wish: SubscriptionWish
    /// A piece is being read for it.
    var isReading = false
    /// The client has everything up to here.
    private(set) var sent: SequenceNumber
    private var remaining: ArraySlice<SequenceNumber> = []
    private var walkedTo: SequenceNumber?

    init(
        subscriber: SubscriberKey,
        topic: Topic,
        ticket: SubscriptionTicket,
        wish: SubscriptionWish,
        sent: SequenceNumber
    ) {
        self.subscriber = subscriber
        self.topic = topic
        self.ticket = ticket
        self.wish = wish
        self.sent = sent
    }

    /// What is next, nil when everything that was walked to is sent and the subscription may try to go live behind
    /// ``sent``.
    func next() -> Step? { remaining.isEmpty ? nil : .read(Array(remaining.prefix(CatchUp.pieceRecords))) }

    /// The topic has gone on to `position` meanwhile.
    func more(upTo position: SequenceNumber) -> Step { .walk(head: position) }

    /// The chain was walked from `head`.
    ///
    /// Records that the log has no more are the gap that the reply tells, or that the client sees by the next event's
    /// `previous`.
    mutating func walked(head: SequenceNumber, _ history: TopicHistory) {
        remaining = history.sequences[...]
        walkedTo = head
        finishIfEmpty()
    }

    /// The first `count` records of the piece are sent, or gone from the log.
    mutating func sent(_ count: Int) {
        sent = max(sent, remaining.prefix(count).last ?? sent)
        remaining = remaining.dropFirst(count)
        finishIfEmpty()
    }

    private mutating func finishIfEmpty() {
        guard remaining.isEmpty, let walkedTo else { return }
        sent = max(sent, walkedTo)
        self.walkedTo = nil
    }
}
