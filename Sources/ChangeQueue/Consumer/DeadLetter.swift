public import QueueEngine
public import SluiceCore

/// A record that publishers have given up: its gateway refused it too often, or for too long.
public struct DeadLetter: Sendable {
    /// The record as the log stores it.
    public let record: EncodedRecord
    /// The publishers' queue that it was received from.
    public let queue: QueueID
    /// How often it was received.
    public let receiveCount: Int
    /// What the gateway answered last.
    public let reason: String

    /// Makes one from its parts.
    public init(record: EncodedRecord, queue: QueueID, receiveCount: Int, reason: String) {
        self.record = record
        self.queue = queue
        self.receiveCount = receiveCount
        self.reason = reason
    }
}

/// Where publishers put what they have given up: a message queue.
public protocol DeadLetterStore: Sendable {
    /// Its name.
    var queue: QueueID { get }

    /// Stores dead letters, all or none; they are on disk when it returns.
    ///
    /// It blocks: not to be called on an event loop.
    /// - Throws: `QueueError`, and then nothing is stored.
    func store(_ letters: [DeadLetter]) throws(QueueError)
}
