package import ChangeQueue
import LMDB
import PosixSupport
package import QueueEngine
package import SluiceCore

/// Publishers' dead letters in a message queue of the log: written by the publisher itself, since a gateway needn't run.
package final class LMDBDeadLetters: DeadLetterStore {
    package let queue: QueueID
    private let log: ChangeLog

    /// How long a queue that is made for them keeps them, seconds: as long as a queue may.
    private static let retentionSeconds = 1_209_600

    /// Dead letters in the queue of a name, which is made with the first of them.
    package init(queue: QueueID, log: ChangeLog) {
        self.queue = queue
        self.log = log
    }

    package func store(_ letters: [DeadLetter]) throws(QueueError) {
        let now = StageClock.wallNanoseconds()
        try QueueError.typing("store dead letters in \(queue)") {
            guard let stored = MessageTransaction(log.databases) else {
                throw QueueError(.unsupported, "The log is open for reading only.")
            }
            try log.environment.write { transaction in
                var messages = letters.map { letter in
                    RecordMessage.message(
                        of: letter.record,
                        from: letter.queue,
                        receiveCount: letter.receiveCount,
                        reason: letter.reason,
                        nowNanoseconds: now
                    )
                }
                let target = try madeQueue(stored, now, in: transaction)
                if target.isFIFO {
                    for (index, letter) in letters.enumerated() {
                        messages[index].groupID = LMDBDeadLetters.group(of: letter.record.topic)
                        messages[index].deduplicationID = ByteString("\(letter.queue)-\(letter.record.sequence)")
                    }
                }
                var room = LogRoom(
                    LogRoom.Budget(log.configuration),
                    try transaction.used(log.databases, nameBytes: 0)
                )
                guard room.take(MessageTransaction.storedBytes(of: messages, pageBytes: room.used.pageBytes)) else {
                    throw QueueError(.full, "The log has no room for dead letters. It passes when retention trims.")
                }
                _ = try stored.append(messages, to: target, in: transaction)
            }
        }
    }

    private func madeQueue(
        _ stored: MessageTransaction,
        _ now: UInt64,
        in transaction: borrowing WriteTransaction
    ) throws -> MessageQueue {
        if let found = try transaction.messageQueue(queue, log.databases) { return found }
        var values: [(name: ByteString, value: String)] = [
            (name: "MessageRetentionPeriod", value: "\(LMDBDeadLetters.retentionSeconds)")
        ]
        if FIFOAttributes.isName(queue) { values.append((name: "FifoQueue", value: "true")) }
        return try stored.create(queue, values, [], now, in: transaction)
    }

    /// A topic as a group: topics may be longer than a group's name.
    private static func group(of topic: Topic) -> ByteString {
        guard topic.name.utf8.count > 128 else { return ByteString(topic.name) }
        return ByteString("topic-\(String(FNV1a.hash(topic.name.utf8), radix: 16))")
    }
}
