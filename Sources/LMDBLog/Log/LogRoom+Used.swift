import ChangeQueue
import LMDB

extension Transaction where Self: ~Copyable {
    /// What the map is used for, bytes of pages; a handful of look-ups, nothing is counted through.
    ///
    /// `nameBytes`: what ``TopicHeads/nameBytes`` says, so that heads that aren't saved yet find their room.
    func used(_ databases: LogDatabases, nameBytes: Int) throws -> LogRoom.Used {
        let records = try statistics(databases.records)
        // Leaves of a tree that grows at random places are two thirds full.
        let heads = max(try statistics(databases.heads).bytes, nameBytes + nameBytes / 2)
        let owners = try databases.itemOwners.map { try statistics($0).bytes } ?? 0
        let rest = try statistics(databases.meta).bytes + freeListStatistics().bytes + owners
        return LogRoom.Used(
            logBytes: records.bytes + heads + rest,
            itemsBytes: try statistics(databases.items).bytes,
            pageBytes: records.pageSizeBytes
        )
    }
}
