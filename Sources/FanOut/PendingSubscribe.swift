package import SluiceCore

/// A subscribe on its way to its reply: first the registry's commit, then, if history was asked for, the walk along the chains.
struct PendingSubscribe {
    /// One topic of it.
    struct Entry {
        /// The topic.
        let topic: Topic
        /// The last sequence number that the client knows, and that is this log's.
        var after: SequenceNumber?
        /// The subscription that this request made, or that an earlier one left to it; nil when one stood already and goes on.
        var ticket: SubscriptionTicket?
        /// The topic's newest record when the interest was committed.
        var head = SequenceNumber.none
        /// What the client knows from this number on is of another history.
        var divergedFrom: SequenceNumber?
        /// What the walk found.
        var history: TopicHistory?
        /// A later request that leans on this one's subscription has its reply.
        var isPromised = false
        /// The client asked for the topic anew, or no more, before the walk was over: its history is the later request's.
        var isSuperseded = false
    }

    /// Who asked.
    let subscriber: SubscriberKey
    /// How the events come.
    let wish: SubscriptionWish
    /// The epoch of the numbers that the client knows; nil when it doesn't say.
    let epoch: EpochClaim?
    /// The topics in the client's order.
    var entries: [Entry]
    /// The walks that aren't over.
    private(set) var walks: [HistoryWalk] = []
    /// Called with the outcome.
    let reply: (Result<[SubscribedTopic], SubscribeFailure>) -> Void
    /// What must come after the reply.
    var followUps: [() -> Void] = []

    init(
        subscriber: SubscriberKey,
        wish: SubscriptionWish,
        epoch: EpochClaim?,
        entries: [Entry],
        reply: @escaping (Result<[SubscribedTopic], SubscribeFailure>) -> Void
    ) {
        self.subscriber = subscriber
        self.wish = wish
        self.epoch = epoch
        self.entries = entries
        self.reply = reply
    }

    /// Begins the walks for the topics whose history must be known before the reply.
    mutating func beginWalks(maximumRecords: Int) {
        walks = entries.indices.compactMap { index in
            let entry = entries[index]
            guard let after = entry.after, entry.ticket != nil, entry.history == nil, after < entry.head else {
                return nil
            }
            let walk = ChainWalk(head: entry.head, after: after, maximumRecords: maximumRecords)
            return HistoryWalk(entry: index, walk: walk)
        }
    }

    /// The walks have come a slice further.
    mutating func advanced(_ walks: [HistoryWalk]) {
        for walk in walks where walk.walk.isDone { entries[walk.entry].history = walk.walk.history }
        self.walks = walks.filter { !$0.walk.isDone }
    }

    /// Gives up the walks of subscriptions that don't stand any more.
    mutating func keepWalks(of stands: (SubscriptionTicket) -> Bool) {
        walks = walks.filter { walk in
            guard let ticket = entries[walk.entry].ticket, !stands(ticket) else { return true }
            entries[walk.entry].isSuperseded = true
            return false
        }
    }

    /// Notes that a later reply has promised the topic.
    mutating func promise(_ topic: Topic) {
        for index in entries.indices where entries[index].topic == topic { entries[index].isPromised = true }
    }

    /// Takes over a held subscription that this request leans on, from an earlier request that has come to nothing.
    /// - Returns: whether it does lean on it.
    mutating func takeOver(_ ticket: SubscriptionTicket, of topic: Topic) -> Bool {
        guard let index = entries.firstIndex(where: { $0.topic == topic && $0.ticket == nil }) else { return false }
        entries[index].ticket = ticket
        return true
    }

    /// The reply's lines.
    func lines() -> [SubscribedTopic] {
        entries.map { entry in
            var line = SubscribedTopic(topic: entry.topic, sequence: entry.head)
            if entry.after != nil, !entry.isSuperseded {
                let gap = entry.history?.gap
                line.resume =
                    if let from = entry.divergedFrom {
                        .diverged(from: from, gap: gap)
                    } else {
                        gap.map { .gap($0) } ?? .recovered
                    }
            }
            return line
        }
    }
}

/// What a client asks for: topics, how their events come, and from where on.
package struct SubscribeRequest: Sendable {
    /// One topic of it.
    package struct Entry: Equatable, Sendable {
        /// The topic.
        package var topic: Topic
        /// The last sequence number that the client knows: it first gets what came after it.
        ///
        /// Nil: only what comes from now on.
        package var after: SequenceNumber?

        package init(topic: Topic, after: SequenceNumber?) {
            self.topic = topic
            self.after = after
        }
    }

    /// The topics, each once, in the client's order.
    package var entries: [Entry]
    /// The epoch of the log in which the client learned its numbers; nil when it doesn't say.
    package var epoch: EpochClaim?
    /// How the topics' events come.
    package var wish: SubscriptionWish

    package init(entries: [Entry], epoch: EpochClaim?, wish: SubscriptionWish) {
        self.entries = entries
        self.epoch = epoch
        self.wish = wish
    }
}

/// One topic of a subscribe's reply.
package struct SubscribedTopic: Equatable, Sendable {
    /// What became of the history that was asked for.
    package enum Resume: Equatable, Sendable {
        /// None was asked for.
        case none
        /// All of it comes.
        case recovered
        /// A part is gone; the rest comes.
        case gap(SequenceGap)
        /// What the client knows from that number on is of another history than this log's, of which everything from there on comes, but for a gap.
        case diverged(from: SequenceNumber, gap: SequenceGap?)
    }

    /// The topic.
    package var topic: Topic
    /// Every record of the topic after this number comes.
    package var sequence: SequenceNumber
    /// Whether the history before it is whole.
    package var resume: Resume

    package init(topic: Topic, sequence: SequenceNumber, resume: Resume = .none) {
        self.topic = topic
        self.sequence = sequence
        self.resume = resume
    }
}
