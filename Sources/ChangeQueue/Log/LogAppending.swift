public import SluiceCore

/// The change log as gateways append to it.
///
/// An append is acknowledged when it is durable: what "durable" means is the driver's promise (docs/decisions/drivers-behind-protocols.md).
/// All calls may come from any thread.
public protocol LogAppending: AnyObject, Sendable {
    /// Appends requests, each a unit of its own: stored whole or not at all, the records of a commit numbered without a hole and each chained to its
    /// topic's record before.
    ///
    /// `client` is told the outcomes when they are durable: one call a commit, on a thread of the driver's, or before this returns. It never blocks
    /// for long, so that event loops may call it, once a turn with all that the turn has gathered.
    func submit(_ requests: [(token: UInt64, request: AppendRequest)], for client: any AppendClient)

    /// Changes an item, appends its change record, and returns when both are durable.
    /// - Throws: why nothing was stored; `itemChanged` for a large patch of an item that changes all the time.
    func write(_ item: ItemWrite) async throws(ChangeQueueError) -> ItemOutcome

    /// Called after each commit, before its answers: the first record's number, how many there are, and when the commit returned (nanoseconds of
    /// `StageClock`).
    var onCommit: (@Sendable (_ first: SequenceNumber, _ count: Int, _ committedAtNanoseconds: UInt64) -> Void)? {
        get set
    }

    /// Accepts nothing more, answers what waits, and returns when that is done.
    func shutdown()
}

extension LogAppending {
    /// Appends records as one unit and returns when they are durable.
    ///
    /// `principal`: on whose account new topics go.
    /// - Throws: why nothing was stored.
    public func append(
        _ drafts: [RecordDraft],
        by principal: PrincipalID = .server
    ) async throws(ChangeQueueError) -> [AppendedRecord] {
        try await outcome(of: .records(drafts, by: principal)).result.get()
    }

    /// Submits one request and returns its outcome.
    package func outcome(of request: AppendRequest) async -> AppendOutcome {
        await withCheckedContinuation { continuation in
            submit([(token: 0, request: request)], for: SingleAppend(continuation))
        }
    }
}

extension LogAppending where Self: LogReading {
    /// Changes an item, appends its change record, and returns when both are durable.
    ///
    /// A large patch is worked out on the caller's thread, against the item as it is then, and again when the item has changed meanwhile.
    /// - Throws: why nothing was stored; `itemChanged` for a large patch of an item that changes all the time.
    public func write(_ item: ItemWrite) async throws(ChangeQueueError) -> ItemOutcome {
        guard case .patch(let patch) = item.operation else { return try await commit(item) }
        // As often as a large patch is worked out before its sender is told to try again.
        for _ in 1..<8 {
            do throws(ChangeQueueError) {
                return try await commit(try workedOut(item, patch))
            } catch  where error.code == .itemChanged {
                continue
            }
        }
        return try await commit(try workedOut(item, patch))
    }

    private func workedOut(_ item: ItemWrite, _ patch: JSONMergePatch) throws(ChangeQueueError) -> ItemWrite {
        let existing = try self.item(table: item.table, key: item.key)
        if ItemChange.isMergedInTransaction(patch, existing) { return item }
        var item = item
        item.operation = .replace(
            try ItemChange.patched(existing, with: patch),
            ifVersion: existing?.version ?? .none
        )
        return item
    }

    private func commit(_ item: ItemWrite) async throws(ChangeQueueError) -> ItemOutcome {
        let outcome = await outcome(of: .item(item))
        _ = try outcome.result.get()
        return outcome.item ?? .notFound
    }
}
