import SluiceCore

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
