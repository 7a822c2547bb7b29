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
    }

    /// Who asked.
    let connection: ConnectionKey
    /// The client's name for the message.
    let id: MessageID?
    /// How the events come.
    let encoding: EventEncoding
    /// The topics in the client's order.
    var entries: [Entry]
    /// Replies that must come after this one's.
    var followUps: [ByteBuffer] = []

    /// The topics whose history must be read before the reply.
    var walks: [HistoryWalk] {
        entries.indices.compactMap { index in
            let entry = entries[index]
            guard let after = entry.after, entry.ticket != nil, entry.history == nil, after < entry.head else {
                return nil
            }
            return HistoryWalk(entry: index, topic: entry.topic, head: entry.head, after: after)
        }
    }

    /// The reply's lines.
    func reply() -> [SubscribedTopic] {
        entries.map { entry in
            var line = SubscribedTopic(topic: entry.topic, sequence: entry.head)
            if entry.after != nil { line.resume = entry.history?.gap.map { .gap($0) } ?? .recovered }
            return line
        }
    }
}
