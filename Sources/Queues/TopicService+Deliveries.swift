package import QueueEngine
import SluiceCore

/// What whoever delivers over HTTP asks for.
extension TopicService {
    /// A subscription with what its deliveries go by.
    package struct Delivery: Sendable {
        /// The subscription.
        package let subscription: TopicSubscription
        /// Its own queue.
        package let queue: MessageQueue
        /// When deliveries are tried again.
        package let policy: DeliveryPolicy
    }

    /// The subscriptions over HTTP that have messages, whether or not somebody holds them.
    package func waitingDeliveries() throws(QueueError) -> [WaitingDeliveries] { try store.waitingDeliveries() }

    /// Changes with each publish that has something to deliver: asked before a look, so that none is missed between look and wait.
    package var deliveryGeneration: UInt64 { queues.waiters.generation(of: TopicService.deliveries) }

    /// Waits for something to deliver after `generation`, or for so long.
    package func waitForDeliveries(since generation: UInt64, nanoseconds: UInt64) async {
        await queues.waiters.wait(for: TopicService.deliveries, since: generation, nanoseconds: nanoseconds)
    }

    /// Has who waits for deliveries look again.
    package func wakeDeliveries() { queues.waiters.signal(TopicService.deliveries, .max) }

    /// The subscription as it is now; nil when it is gone.
    package func delivery(of waiting: WaitingDeliveries) throws(QueueError) -> Delivery? {
        guard let topic = try store.topic(waiting.topic),
            let subscription = try store.subscription(waiting.subscription, of: waiting.topic),
            let queue = try store.queue(subscription.queueID), queue.number == waiting.queue
        else { return nil }
        let ofTopic = topic.attributes.deliveryPolicy
        let own = ofTopic.disablesSubscriptionOverrides ? nil : subscription.attributes.deliveryPolicy
        return Delivery(subscription: subscription, queue: queue, policy: own ?? ofTopic)
    }

    /// Takes messages to deliver, and keeps others from them meanwhile.
    /// - Returns: the messages, and when the next one may be taken when there is none, wall clock, nanoseconds since 1970.
    package func take(
        from queue: MessageQueue,
        maximum: Int,
        visibilitySeconds: Int
    ) async throws(QueueError) -> (received: [ReceivedMessage], nextAtNanoseconds: UInt64?) {
        let request = ReceiveRequest(
            maximum: maximum,
            visibilitySeconds: visibilitySeconds,
            nowNanoseconds: queues.wallNanoseconds()
        )
        let outcome = try store.receive(from: queue, request)
        await queues.settle(outcome, of: queue)
        return (outcome.received, outcome.nextVisibleAtNanoseconds)
    }

    /// A message was delivered.
    package func delivered(_ message: ReceivedMessage, of delivery: Delivery) async throws(QueueError) {
        _ = try await queues.delete([message.handle], from: delivery.queue)
    }

    /// A message is to be taken again, by anybody, after so long.
    package func postpone(_ message: ReceivedMessage, seconds: Int) throws(QueueError) {
        _ = try store.changeVisibility([(message.handle, seconds)], nowNanoseconds: queues.wallNanoseconds())
    }

    /// A message can't be delivered: it goes to the subscription's dead letters, or nowhere.
    /// - Returns: whether it is a dead letter now.
    package func giveUp(_ message: ReceivedMessage, of delivery: Delivery) async throws(QueueError) -> Bool {
        let standing = try store.standing(of: [message.handle], nowNanoseconds: queues.wallNanoseconds())
        // Otherwise somebody else has it since.
        guard standing == [.inFlight] || standing == [.lapsed] else { return true }
        let subscription = delivery.subscription
        if subscription.state == .confirmed, let target = subscription.attributes.deadLetterQueue,
            try store.queue(target)?.isFIFO == false
        {
            try await queues.move([message.handle.ordinal], of: delivery.queue, to: target, source: delivery.queue.id)
            return true
        }
        try await queues.remove([message.handle.ordinal], from: delivery.queue.number)
        return false
    }
}
