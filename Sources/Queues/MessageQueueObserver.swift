package import SluiceCore

/// Told what happens to messages, for figures: on any thread, after it has happened, and holds nobody up.
package protocol MessageQueueObserver: Sendable {
    /// So many messages of a queue were sent, or met another fate.
    func note(_ event: MessageQueueEvent, of queue: QueueID, _ messages: Int)
}

/// What happens to messages of a queue.
package enum MessageQueueEvent: Hashable, Sendable, CaseIterable {
    /// They were stored; repetitions that a FIFO queue knew don't count.
    case sent
    /// A receiver was handed them.
    case received
    /// Their receiver deleted them.
    case deleted
    /// They were received too often and moved to the dead-letter queue.
    case deadLettered
    /// They were as old as the queue keeps messages, and were removed.
    case expired
}
