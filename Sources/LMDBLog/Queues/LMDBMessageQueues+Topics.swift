import LMDB
package import QueueEngine
package import Queues
import SluiceCore

/// Topics and their subscriptions, read.
extension LMDBMessageQueues: TopicStore {
    package func topic(_ name: TopicName) throws(QueueError) -> MessageTopic? {
        try reading("read the topic \(name)") { try $0.messageTopic(name, log.databases) }
    }

    package func topics(after name: TopicName?, maximum: Int) throws(QueueError) -> [MessageTopic] {
        guard let database = log.databases.queues else { return [] }
        return try reading("list the topics") { transaction in
            var found: [MessageTopic] = []
            try transaction.withCursor(database) { cursor in
                try cursor.forEach(from: TopicCatalogue.topicKey(after: name)) { key, value in
                    guard let name = TopicCatalogue.topic(of: key.copied), found.count < maximum else { return false }
                    if let topic = MessageTopic(name, json: value.copied) { found.append(topic) }
                    return true
                }
            }
            return found
        }
    }

    package func subscription(_ id: MessageID, of name: TopicName) throws(QueueError) -> TopicSubscription? {
        try reading("read the subscription \(id)") { transaction in
            guard let topic = try transaction.messageTopic(name, log.databases) else { return nil }
            return try transaction.subscription(id, of: topic, log.databases)
        }
    }

    package func subscriptions(
        of topic: MessageTopic,
        after id: MessageID?,
        maximum: Int
    ) throws(QueueError) -> [TopicSubscription] {
        try reading("list the subscriptions of \(topic.name)") { transaction in
            var found: [TopicSubscription] = []
            guard maximum > 0 else { return found }
            try transaction.forEachSubscription(of: topic, after: id, log.databases) { subscription in
                found.append(subscription)
                return found.count < maximum
            }
            return found
        }
    }

    package func waitingDeliveries() throws(QueueError) -> [WaitingDeliveries] {
        guard let database = log.databases.queues else { return [] }
        return try reading("look for deliveries") { transaction in
            var found: [WaitingDeliveries] = []
            try transaction.withCursor(database) { cursor in
                try cursor.forEach(from: TopicCatalogue.firstDelivery) { key, value in
                    guard let queue = TopicCatalogue.deliveryQueue(of: key.copied) else { return false }
                    let counters = try transaction.counters(of: queue, log.databases)
                    guard counters.messages > 0, let (topic, id) = TopicCatalogue.delivery(value.copied) else {
                        return true
                    }
                    found.append(
                        WaitingDeliveries(
                            queue: queue,
                            lastOrdinal: counters.lastOrdinal,
                            topic: topic,
                            subscription: id
                        )
                    )
                    return true
                }
            }
            return found
        }
    }
}
