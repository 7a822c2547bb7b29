import ChangeQueue
import LMDB
import SluiceCore

/// Stores the requests of one commit; used on the writer's thread.
struct LogCommitter {
    /// What a commit added to the log.
    struct Stored {
        var records = 0
        /// Whether message queues were changed.
        var changesMessages = false
        var lastSequence: UInt64 = 0
        var transaction: UInt64 = 0
    }

    /// Which requests an attempt stores.
    enum Attempt {
        /// All; when there is no room for one of them, nothing is stored, so that the caller can make room.
        case all
        /// Those that there is room for; the others are refused, each with its reason.
        case fitting
        /// Only what frees space, because LMDB itself found no room.
        case removals
    }

    /// What all requests of one transaction share.
    struct Progress {
        var sequence: UInt64
        let trimmedThrough: UInt64
        /// The wall clock minus the monotonic one, so that both accepted times are the same moment.
        let wallOffset: UInt64
        let nowNanoseconds: UInt64
        let attempt: Attempt
        /// Whether message queues were changed.
        var changesMessages = false
        /// What there is room for; nil when there is more than the commit can need.
        var room: LogRoom?
    }

    let log: ChangeLog
    let heads: SharedTopicHeads
    let budget: LogRoom.Budget
    let subscriptions = SubscriptionCache()

    init(log: ChangeLog, heads: SharedTopicHeads) {
        self.log = log
        self.heads = heads
        budget = LogRoom.Budget(log.configuration)
    }

    /// Stores every request of `group` that wasn't refused, in one transaction, and returns when it is on disk.
    /// - Throws: when nothing was stored.
    func store(_ group: inout AppendGroup, _ attempt: Attempt = .all) throws -> Stored {
        try heads.loadIfNeeded()
        var stored = Stored()
        do {
            try log.environment.write { transaction in
                let last = try heads.catchUp(in: transaction)
                let now = StageClock.nowNanoseconds()
                var progress = Progress(
                    sequence: last,
                    trimmedThrough: try transaction.meta(.trimmedThrough, log.databases),
                    wallOffset: StageClock.wallNanoseconds() &- now,
                    nowNanoseconds: now,
                    attempt: attempt,
                    room: try room(for: group, in: transaction)
                )
                for index in group.entries.indices where group.entries[index].failure == nil {
                    try perform(&group.entries[index], &progress, in: transaction)
                }
                stored.changesMessages = progress.changesMessages
                stored.records = Int(clamping: progress.sequence - last)
                stored.lastSequence = progress.sequence
                stored.transaction = transaction.identifier
            }
        } catch {
            heads.withLock { $0.unstage(downTo: 0) }
            throw error
        }
        // A transaction that changed nothing isn't committed and its number is given again.
        let (last, transaction) = (
            stored.lastSequence, stored.records > 0 || stored.changesMessages ? stored.transaction : 0
        )
        heads.withLock { $0.publish(through: last, transaction: transaction) }
        return stored
    }

    /// What there is room for; nil when the file, with all that it ever held, leaves more than the group can need.
    private func room(
        for group: borrowing AppendGroup,
        in transaction: borrowing WriteTransaction
    ) throws -> LogRoom? {
        let file = log.environment.filePages * (try transaction.statistics(log.databases.meta).pageSizeBytes)
        // A patch may write more than it brings, so that items are always looked at.
        if !group.hasItems, file + 2 * group.bytes + LogRoom.slackBytes <= budget.logBytes { return nil }
        let nameBytes = heads.withLock { $0.nameBytes }
        return LogRoom(budget, try transaction.used(log.databases, nameBytes: nameBytes))
    }

    // MARK: One request

    private func perform(
        _ entry: inout AppendGroup.Entry,
        _ progress: inout Progress,
        in transaction: borrowing WriteTransaction
    ) throws {
        do {
            switch entry.request {
            case .records(let drafts, let principal):
                try takeRoom(for: drafts, &progress)
                entry.appended = try append(drafts, by: principal, &progress, in: transaction)
            case .item(let write): try perform(write, &entry, &progress, in: transaction)
            case .messages(let change): entry.messages = try perform(change, &progress, in: transaction)
            }
        } catch let error as ChangeQueueError where error.concernsOneRequest {
            entry.failure = error
        } catch let error as ChangeQueueError where error.refusal == .logFull && progress.attempt != .all {
            entry.failure = error
        }
    }

    /// - Throws: `logFull` when there is no room for the records.
    func takeRoom(for drafts: [RecordDraft], _ progress: inout Progress) throws(ChangeQueueError) {
        guard progress.attempt != .removals else { throw full(progress) }
        guard let page = progress.room?.used.pageBytes else { return }
        let bytes = drafts.reduce(0) { $0 + LogRoom.bytes(of: $1, pageBytes: page) }
        guard progress.room?.take(bytes) == false else { return }
        throw full(progress)
    }

    func full(_ progress: Progress) -> ChangeQueueError {
        let used = progress.room.map { "\($0.used.logBytes) of the \($0.logLimitBytes)" } ?? "all"
        return ChangeQueueError(
            .logFull,
            """
            The log is full: records and topics take \(used) bytes that the map of \(budget.mapBytes) has for them. \
            It passes when retention trims; else raise the map's size or shorten the retention.
            """
        )
    }

    func append(
        _ drafts: [RecordDraft],
        by principal: PrincipalID,
        freesRoom: Bool = false,
        _ progress: inout Progress,
        in transaction: borrowing WriteTransaction
    ) throws -> [AppendedRecord] {
        let places = try place(drafts, by: principal, freesRoom: freesRoom, progress)
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
        by principal: PrincipalID,
        freesRoom: Bool,
        _ progress: Progress
    ) throws(ChangeQueueError) -> [AppendedRecord] {
        let placed = heads.withLock { heads -> Result<[AppendedRecord], AppendRefusal> in
            let stagedBefore = heads.stagedCount
            var places: [AppendedRecord] = []
            places.reserveCapacity(drafts.count)
            var sequence = progress.sequence
            for draft in drafts {
                sequence = sequence &+ 1
                do throws(AppendRefusal) {
                    let previous = try heads.stage(
                        draft.topic,
                        sequence,
                        by: principal,
                        isAlwaysAdmitted: freesRoom,
                        trimmedThrough: progress.trimmedThrough,
                        nowNanoseconds: progress.nowNanoseconds
                    )
                    places.append(
                        AppendedRecord(
                            sequence: SequenceNumber(sequence),
                            previous: previous,
                            committedAtNanoseconds: 0
                        )
                    )
                } catch {
                    heads.unstage(downTo: stagedBefore)
                    return .failure(error)
                }
            }
            return .success(places)
        }
        do { return try placed.get() } catch { throw topicRefused(error) }
    }

    private func topicRefused(_ refusal: AppendRefusal) -> ChangeQueueError {
        let configuration = log.configuration
        let reason =
            switch refusal {
            case .principalTopics:
                """
                this client has begun \(configuration.principalTopics) of the topics that the log knows, as many as one \
                may (--principal-topics)
                """
            case .topicRate:
                """
                this client begins more than \(configuration.principalTopicsPerSecond) topics a second \
                (--principal-topics-per-second)
                """
            default:
                """
                the log knows as many topics as it may, \(configuration.maximumTopics) or \(budget.nameBytes) bytes of \
                names (--maximum-topics, --log-map-size)
                """
            }
        return ChangeQueueError(
            refusal,
            "A topic is new, and \(reason). Use fewer topics, or wait: a topic without records is forgotten in time."
        )
    }
}

extension ChangeQueueError {
    /// Whether the error is one request's own fault, so that the others of its commit go on.
    fileprivate var concernsOneRequest: Bool {
        switch code {
        case .invalidItem, .itemChanged, .invalidRecord, .payloadTooLarge, .invalidTopic, .invalidJSON: true
        case .tooManyTopics, .itemQuotaExceeded: true
        // Here it is a stored item that was damaged.
        case .corruptRecord: true
        default: false
        }
    }
}
