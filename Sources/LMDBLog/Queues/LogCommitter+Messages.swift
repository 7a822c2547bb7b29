import ChangeQueue
import LMDB
import QueueEngine
import SluiceCore

/// Changes of message queues, in the transaction of the commit.
extension LogCommitter {
    /// Makes a change, or says why it can't be made.
    /// - Throws: what concerns the whole commit, and `logFull`.
    func perform(
        _ change: MessageChange,
        _ progress: inout Progress,
        in transaction: borrowing WriteTransaction
    ) throws -> Result<MessageChangeOutcome, QueueError> {
        guard let stored = MessageTransaction(log.databases) else {
            return .failure(QueueError(.unsupported, "This log is open for reading only."))
        }
        do {
            if case .topics(let topics) = change {
                let outcome = try perform(topics, TopicTransaction(stored), &progress, in: transaction)
                if case .published(let publication) = outcome, publication.storesMessages {
                    progress.changesMessages = true
                }
                return .success(.topics(outcome))
            }
            if case .send(_, let sent) = change { try takeRoom(for: sent, &progress) }
            let now = StageClock.wallNanoseconds()
            let outcome: MessageChangeOutcome
            if case .publish(let queue, let ordinals) = change {
                outcome = .changed(try publish(ordinals, of: queue, stored, &progress, in: transaction))
            } else {
                outcome = try stored.perform(change, nowNanoseconds: now, in: transaction)
            }
            if outcome.hasChanged(at: now) { progress.changesMessages = true }
            return .success(outcome)
        } catch let error as QueueError {
            return .failure(error)
        }
    }

    func takeRoom(for messages: [QueueMessage], _ progress: inout Progress) throws(ChangeQueueError) {
        guard progress.attempt != .removals else { throw full(progress) }
        guard let page = progress.room?.used.pageBytes else { return }
        guard progress.room?.take(MessageTransaction.storedBytes(of: messages, pageBytes: page)) == false else {
            return
        }
        throw full(progress)
    }

    /// Publishes dead letters of publishers again, as new records behind all others, and removes the messages: in one commit, so that each is
    /// published once.
    private func publish(
        _ ordinals: [UInt64],
        of queue: UInt32,
        _ stored: MessageTransaction,
        _ progress: inout Progress,
        in transaction: borrowing WriteTransaction
    ) throws -> Int {
        let records = try stored.records(ordinals, of: queue, in: transaction)
        let drafts = records.map { _, record in
            RecordDraft(
                topic: record.topic,
                payload: record.payload,
                contentType: record.contentType,
                attributes: record.attributes
            )
        }
        try takeRoom(for: drafts, &progress)
        _ = try append(drafts, by: .server, &progress, in: transaction)
        return try stored.remove(records.map(\.ordinal), from: queue, in: transaction)
    }
}

extension MessageChangeOutcome {
    /// Whether it is sure that something was written: LMDB gives the number of a transaction that wrote nothing again, so that it mustn't be taken
    /// for one's own.
    fileprivate func hasChanged(at now: UInt64) -> Bool {
        switch self {
        case .queue(let queue): queue.modifiedAtNanoseconds == now
        case .sent(_, let places): !places.isEmpty
        case .changed(let count): count > 0
        case .topics: false
        }
    }
}
