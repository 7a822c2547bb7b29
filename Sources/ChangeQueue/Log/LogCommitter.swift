import LMDB
import SluiceCore

/// Stores the requests of one commit; used on the writer's thread.
struct LogCommitter {
    /// What a commit added to the log.
    struct Stored {
        var records = 0
        var lastSequence: UInt64 = 0
        var transaction: UInt64 = 0
    }

    /// What all requests of one transaction share.
    private struct Progress {
        var sequence: UInt64
        let trimmedThrough: UInt64
        /// The wall clock minus the monotonic one, so that both accepted times are the same moment.
        let wallOffset: UInt64
    }

    let log: ChangeLog
    let heads: SharedTopicHeads

    /// Stores every request of `group` that wasn't refused, in one transaction, and returns when it is on disk.
    /// - Throws: when nothing was stored.
    func store(_ group: inout AppendGroup) throws -> Stored {
        try heads.loadIfNeeded()
        var stored = Stored()
        do {
            try log.environment.write { transaction in
                try checkRoom(for: group.bytes, in: transaction)
                let last = try heads.catchUp(in: transaction)
                var progress = Progress(
                    sequence: last,
                    trimmedThrough: try transaction.meta(.trimmedThrough, log.databases),
                    wallOffset: StageClock.wallNanoseconds() &- StageClock.nowNanoseconds()
                )
                for index in group.entries.indices where group.entries[index].failure == nil {
                    try perform(&group.entries[index], &progress, in: transaction)
                }
                stored.records = Int(clamping: progress.sequence - last)
                stored.lastSequence = progress.sequence
                stored.transaction = transaction.identifier
            }
        } catch {
            heads.withLock { $0.unstage(downTo: 0) }
            throw error
        }
        // A transaction that changed nothing isn't committed and its number is given again.
        let (last, transaction) = (stored.lastSequence, stored.records > 0 ? stored.transaction : 0)
        heads.withLock { $0.publish(through: last, transaction: transaction) }
        return stored
    }

    // MARK: One request

    private func perform(
        _ entry: inout AppendGroup.Entry,
        _ progress: inout Progress,
        in transaction: borrowing WriteTransaction
    ) throws {
        do {
            switch entry.request {
            case .records(let drafts): entry.appended = try append(drafts, &progress, in: transaction)
            case .item(let write): try perform(write, &entry, &progress, in: transaction)
            }
        } catch let error as ChangeQueueError where error.concernsOneRequest {
            entry.failure = error
        }
    }

    private func append(
        _ drafts: [RecordDraft],
        _ progress: inout Progress,
        in transaction: borrowing WriteTransaction
    ) throws -> [AppendedRecord] {
        let places = try place(drafts, after: progress.sequence, trimmedThrough: progress.trimmedThrough)
        for (draft, place) in zip(drafts, places) {
            let record = ChangeRecord(
                draft,
                sequence: place.sequence,
                previous: place.previous,
                acceptedAtWallNanoseconds: draft.acceptedAtNanoseconds &+ progress.wallOffset
            )
            try transaction.reserve(
                log.databases.records,
                record.sequence.rawValue,
                byteCount: RecordCodec.byteCount(of: record),
                options: .append
            ) { room in
                room.withUnsafeMutableBytes { RecordCodec.encode(record, into: $0) }
            }
        }
        progress.sequence = progress.sequence &+ UInt64(drafts.count)
        return places
    }

    /// Gives each draft its sequence number and its place in its topic's chain; all of them or none.
    private func place(
        _ drafts: [RecordDraft],
        after last: UInt64,
        trimmedThrough: UInt64
    ) throws(ChangeQueueError) -> [AppendedRecord] {
        let places = heads.withLock { heads -> [AppendedRecord]? in
            let stagedBefore = heads.stagedCount
            var places: [AppendedRecord] = []
            places.reserveCapacity(drafts.count)
            var sequence = last
            for draft in drafts {
                sequence = sequence &+ 1
                guard let previous = heads.stage(draft.topic, sequence, trimmedThrough: trimmedThrough) else {
                    heads.unstage(downTo: stagedBefore)
                    return nil
                }
                places.append(
                    AppendedRecord(sequence: SequenceNumber(sequence), previous: previous, committedAtNanoseconds: 0)
                )
            }
            return places
        }
        if let places { return places }
        throw ChangeQueueError(
            .tooManyTopics,
            """
            The log has records of \(log.configuration.maximumTopics) topics, the configured maximum. \
            Raise it or use fewer topics.
            """
        )
    }

    private func perform(
        _ write: ItemWrite,
        _ entry: inout AppendGroup.Entry,
        _ progress: inout Progress,
        in transaction: borrowing WriteTransaction
    ) throws {
        let key = try ItemKey(table: write.table, key: write.key)
        let existing = try transaction.get(log.databases.items, key.bytes) { bytes in
            try bytes.withUnsafeBytes { try ItemCodec.decode($0) }
        }
        let change = try ItemChange.decide(
            write,
            existing: existing,
            maximumPayloadBytes: log.configuration.maximumPayloadBytes
        )
        guard let change else {
            entry.item = .notFound
            return
        }
        entry.appended = try append([change.draft], &progress, in: transaction)
        entry.item = ItemOutcome(operation: change.operation, appended: entry.appended.first)
        if let content = change.content {
            let item = StoredItem(
                value: content.value,
                contentType: content.contentType,
                version: SequenceNumber(progress.sequence)
            )
            try transaction.put(log.databases.items, key.bytes, ItemCodec.encode(item))
        } else {
            try transaction.delete(log.databases.items, key.bytes)
        }
    }

    // MARK: Room

    /// Refuses an append for which the configured map has no room.
    ///
    /// What is beyond it is kept for trimming, which needs fresh pages too.
    private func checkRoom(for bytes: Int, in transaction: borrowing WriteTransaction) throws {
        let limit = log.configuration.mapSizeBytes
        // Pages are never quite full, and the tree's inner pages come on top.
        let needed = bytes + bytes / 4 + 64 * 1024
        let records = try transaction.statistics(log.databases.records)
        guard log.environment.filePages * records.pageSizeBytes + needed > limit else { return }
        var pages = try records.pages + transaction.freeListStatistics().pages
        for database in [log.databases.items, log.databases.heads, log.databases.meta] {
            pages += try transaction.statistics(database).pages
        }
        let used = pages * records.pageSizeBytes
        guard used + needed > limit else { return }
        throw ChangeQueueError(
            .queueFull,
            "The log's map of \(limit) bytes is full (\(used) in use). Raise its size or shorten the retention."
        )
    }
}

extension ChangeQueueError {
    /// Whether the error is one request's own fault, so that the others of its commit go on.
    fileprivate var concernsOneRequest: Bool {
        switch code {
        case .invalidItem, .itemChanged, .invalidRecord, .payloadTooLarge, .rejected, .tooManyTopics: true
        default: false
        }
    }
}
