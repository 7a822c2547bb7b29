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
            let now = StageClock.wallNanoseconds()
            let outcome = try make(change, in: stored, now, &progress, transaction)
            if outcome.hasChanged(at: now) { progress.changesMessages = true }
            return .success(outcome)
        } catch let error as QueueError {
            return .failure(error)
        }
    }

    private func make(
        _ change: MessageChange,
        in stored: MessageTransaction,
        _ now: UInt64,
        _ progress: inout Progress,
        _ transaction: borrowing WriteTransaction
    ) throws -> MessageChangeOutcome {
        switch change {
        case .create(let id, let values, let tags):
            return .queue(try stored.create(id, values, tags, now, in: transaction))
        case .configure(let id, let change):
            return .queue(try stored.configure(id, change, now, in: transaction))
        case .delete(let id): return .queue(try stored.delete(id, in: transaction))
        case .discard(let queue, let maximum):
            return .changed(try stored.discard(queue, maximum, in: transaction))
        case .send(let id, let sent):
            try takeRoom(for: sent, &progress)
            let queue = try stored.existing(id, in: transaction)
            return .sent(queue: queue, try stored.append(sent, to: queue, in: transaction))
        case .remove(let queue, let ordinals):
            return .changed(try stored.remove(ordinals, from: queue, in: transaction))
        case .move(let queue, let ordinals, let target, let source):
            return .changed(try stored.move(ordinals, from: queue, to: target, source, now, in: transaction))
        case .publish(let queue, let ordinals):
            return .changed(try publish(ordinals, of: queue, stored, &progress, in: transaction))
        case .forgetDuplicates(let before, let maximum):
            return .changed(try stored.ordered.forget(before: before, maximum: maximum, in: transaction))
        case .topics(let topics):
            return .topics(try perform(topics, TopicTransaction(stored), &progress, in: transaction))
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
        case .topics(.published(let publication)): publication.storesMessages
        case .topics: false
        }
    }
}
