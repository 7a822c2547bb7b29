import ChangeQueue
import LMDB
import SluiceCore

/// Items, and on whose account they are.
extension LogCommitter {
    func perform(
        _ write: ItemWrite,
        _ entry: inout AppendGroup.Entry,
        _ progress: inout Progress,
        in transaction: borrowing WriteTransaction
    ) throws {
        let key = try ItemKey(table: write.table, key: write.key)
        let existing = try transaction.get(log.databases.items, key.bytes) { bytes in
            try bytes.withUnsafeBytes { (item: try stored($0, for: write), bytes: $0.count) }
        }
        let change = try ItemChange.decide(
            write,
            existing: existing?.item,
            maximumPayloadBytes: log.configuration.maximumPayloadBytes
        )
        guard let change else {
            entry.item = .notFound
            return
        }
        let old = existing.map { existing in
            ItemAccount(
                owner: existing.item.owner,
                bytes: ItemFootprint.bytes(keyBytes: key.bytes.count, valueBytes: existing.bytes)
            )
        }
        guard let content = change.content else {
            try takeRoom(forRemoval: change.draft, &progress)
            try append(change, by: write.principal, freesRoom: true, &entry, &progress, in: transaction)
            try transaction.delete(log.databases.items, key.bytes)
            return try account(from: old, to: nil, in: transaction)
        }
        let bytes = ItemCodec.encode(
            StoredItem(
                value: content.value,
                contentType: content.contentType,
                version: SequenceNumber(progress.sequence).next,
                owner: write.principal
            )
        )
        let new = ItemAccount(
            owner: write.principal,
            bytes: ItemFootprint.bytes(keyBytes: key.bytes.count, valueBytes: bytes.count)
        )
        try checkQuotas(from: old, to: new, progress, in: transaction)
        try takeRoom(for: [change.draft], &progress)
        let freesRoom = new.bytes < old?.bytes ?? 0
        try append(change, by: write.principal, freesRoom: freesRoom, &entry, &progress, in: transaction)
        try transaction.put(log.databases.items, key.bytes, bytes)
        try account(from: old, to: new, in: transaction)
    }

    /// The stored item; one that is damaged can still be replaced and removed.
    private func stored(_ bytes: UnsafeRawBufferPointer, for write: ItemWrite) throws -> StoredItem {
        do throws(ChangeQueueError) { return try ItemCodec.decode(bytes) } catch {
            guard !write.image.includesOld else { throw error }
            switch write.operation {
            case .patch, .replace: throw error
            case .put, .delete: return StoredItem(value: [], contentType: .binary, version: .none, owner: nil)
            }
        }
    }

    private func append(
        _ change: ItemChange,
        by principal: PrincipalID,
        freesRoom: Bool,
        _ entry: inout AppendGroup.Entry,
        _ progress: inout Progress,
        in transaction: borrowing WriteTransaction
    ) throws {
        entry.appended = try append([change.draft], by: principal, freesRoom: freesRoom, &progress, in: transaction)
        entry.item = ItemOutcome(operation: change.operation, appended: entry.appended.first)
    }

    /// - Throws: `logFull` when even the reserve is used up.
    private func takeRoom(forRemoval draft: RecordDraft, _ progress: inout Progress) throws(ChangeQueueError) {
        guard let page = progress.room?.used.pageBytes else { return }
        guard progress.room?.takeForRemoval(LogRoom.bytes(of: draft, pageBytes: page)) == false else { return }
        throw full(progress)
    }

    // MARK: Quotas

    /// - Throws: `itemsFull` or `principalItems` for an item that would grow beyond what there is.
    private func checkQuotas(
        from old: ItemAccount?,
        to new: ItemAccount,
        _ progress: Progress,
        in transaction: borrowing WriteTransaction
    ) throws {
        // What doesn't grow is always admitted.
        let growth = new.bytes - (old?.bytes ?? 0)
        let used = try transaction.statistics(log.databases.items).bytes
        if growth > 0, used + growth > budget.itemsBytes {
            throw ChangeQueueError(
                .itemsFull,
                """
                Items take \(used) of the \(budget.itemsBytes) bytes that they may, and this one would add \(growth). \
                Delete some, or raise --items-bytes.
                """
            )
        }
        let quota = log.configuration.principalItemsBytes
        guard let owner = new.owner, owner != .server, quota < .max else { return }
        let held = try bytes(of: owner, in: transaction)
        let added = new.bytes - (old?.owner == owner ? old?.bytes ?? 0 : 0)
        guard added > 0, held + added > quota else { return }
        throw ChangeQueueError(
            .principalItems,
            """
            The items that this client wrote take \(held) of the \(quota) bytes that one client's may, and this one would \
            add \(added). Delete some, or raise --principal-items-bytes.
            """
        )
    }

    /// Moves an item's bytes from one account to another, or to nobody's.
    private func account(
        from old: ItemAccount?,
        to new: ItemAccount?,
        in transaction: borrowing WriteTransaction
    ) throws {
        if let owner = old?.owner, owner == new?.owner {
            return try add((new?.bytes ?? 0) - (old?.bytes ?? 0), to: owner, in: transaction)
        }
        if let old, let owner = old.owner { try add(-old.bytes, to: owner, in: transaction) }
        if let new, let owner = new.owner { try add(new.bytes, to: owner, in: transaction) }
    }

    private func add(_ bytes: Int, to owner: PrincipalID, in transaction: borrowing WriteTransaction) throws {
        guard bytes != 0, let database = log.databases.itemOwners else { return }
        let sum = max(try self.bytes(of: owner, in: transaction) + bytes, 0)
        if sum > 0 {
            try transaction.put(database, owner.rawValue, UInt64(sum))
        } else {
            try transaction.delete(database, owner.rawValue)
        }
    }

    private func bytes(of owner: PrincipalID, in transaction: borrowing WriteTransaction) throws -> Int {
        guard let database = log.databases.itemOwners else { return 0 }
        return try transaction.get(database, owner.rawValue) { Int(clamping: $0.storedInteger ?? 0) } ?? 0
    }
}

/// On whose account an item is, and with how much.
private struct ItemAccount {
    /// Nil for an item of a version of Sluice that didn't keep it: it is on nobody's.
    let owner: PrincipalID?
    let bytes: Int
}

/// What an item counts against a quota: the bytes of its key and value, or of its pages where LMDB gives it some of its
/// own.
enum ItemFootprint {
    /// LMDB's node header and the pointer to it.
    private static let nodeBytes = 16
    /// LMDB's page header.
    private static let pageHeadBytes = 16
    /// The page size that quotas reckon with, whatever the machine's is: what is counted must not change with it.
    private static let pageBytes = 4_096
    /// A node larger than this gets pages of its own.
    private static let largestNode = 2_030

    static func bytes(keyBytes: Int, valueBytes: Int) -> Int {
        let node = nodeBytes + keyBytes + valueBytes
        guard node > largestNode else { return node }
        return (valueBytes + pageHeadBytes + pageBytes - 1) / pageBytes * pageBytes + nodeBytes + keyBytes
    }
}
