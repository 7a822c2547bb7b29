package import QueueEngine
package import SluiceCore

/// Queues of users and queues of subscriptions, in which messages wait to be delivered over HTTP.
extension MessageQueueService {
    /// Queues in the order of their names, from behind `after`.
    ///
    /// Without those of subscriptions: their figures can be asked for by their names.
    package func queues(after: QueueID?, prefix: ByteString, maximum: Int) throws(QueueError) -> [MessageQueue] {
        var (found, last): ([MessageQueue], QueueID?) = ([], after)
        while true {
            let page = try store.queues(after: last, prefix: prefix, maximum: maximum)
            found += page.filter { !TopicSubscription.owns($0.id) }
            last = page.last?.id
            if found.count >= maximum || page.count < maximum { return Array(found.prefix(maximum)) }
        }
    }

    /// Queues whose dead letters come to this one.
    package func deadLetterSources(of id: QueueID) throws(QueueError) -> [MessageQueue] {
        _ = try queue(id)
        return try store.queues(after: nil, prefix: "", maximum: .max).filter {
            $0.attributes.redrive?.deadLetterQueue == id
        }
    }

    /// What waits for a subscription is signed and sent in its topic's name: nobody else puts it there or takes it.
    static func checkOwner(of id: QueueID) throws(QueueError) {
        guard TopicSubscription.owns(id) else { return }
        throw QueueError(
            .unsupported,
            "The queue \(id) is a subscription's own: its figures are all that can be asked for."
        )
    }
}
