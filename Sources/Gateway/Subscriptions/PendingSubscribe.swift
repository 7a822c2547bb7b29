import ChangeQueue
import NIOCore
import SluiceCore

/// A subscribe on its way to its reply: first the registry's commit, then, if history was asked for, the walk along the
/// chains.
struct PendingSubscribe {
    /// One topic of it.
    struct Entry {
        /// The topic.
        let topic: Topic
        /// The last sequence number that the client knows.
        let after: SequenceNumber?
        /// The subscription that this request made; nil when one stood already and goes on.
        let ticket: SubscriptionTicket?
        /// The topic's newest record when the interest was committed.
        var head = SequenceNumber.none
        /// What the walk found.
        var history: TopicHistory?
        /// The client asked for the topic anew, or no more, before the walk was over: its history is the later request's.
        var isSuperseded = false
    }

    /// Who asked.
    let connection: ConnectionKey
    /// The client's name for the message.
    let id: MessageID?
    /// How the events come.
    let encoding: EventEncoding
    /// The topics in the client's order.
    var entries: [Entry]
    /// The walks that aren't over.
    private(set) var walks: [HistoryWalk] = []
    /// Replies that must come after this one's.
    var followUps: [ByteBuffer] = []

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
    mutating func took(_ walks: [HistoryWalk]) {
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

    /// The reply's lines.
    func reply() -> [SubscribedTopic] {
        entries.map { entry in
            var line = SubscribedTopic(topic: entry.topic, sequence: entry.head)
            if entry.after != nil, !entry.isSuperseded {
                line.resume = entry.history?.gap.map { .gap($0) } ?? .recovered
            }
            return line
        }
    }
}
