import ChangeQueue
import LMDB
import SluiceCore

/// What the log's map has room for while one commit is made, as a value.
///
/// Items have a budget; records, heads and the rest have what is left of the configured size. Neither can take the
/// other's. What frees space is admitted beyond the configured size, in half of the reserve; the other half is kept for
/// trimming and saving heads.
struct LogRoom {
    /// How the map is shared out, bytes.
    struct Budget: Sendable {
        /// The configured size.
        let mapBytes: Int
        /// What items may take of it.
        let itemsBytes: Int
        /// What removals may use beyond it.
        let removalReserveBytes: Int

        init(_ configuration: ChangeLogConfiguration) {
            mapBytes = max(configuration.mapSizeBytes, 0)
            itemsBytes = configuration.itemsBudgetBytes
            removalReserveBytes = ChangeLog.reserveBytes(for: mapBytes) / 2
        }

        /// What records, heads and the rest may take.
        var logBytes: Int { mapBytes - itemsBytes }
        /// What the topics' names may take: with the space in half-full pages a quarter of the log's share.
        var nameBytes: Int { max(logBytes / 6, 64 << 10) }
    }

    /// What is used when the commit begins, bytes of pages.
    struct Used: Sendable {
        /// Records, heads, the small databases and LMDB's list of free pages; heads as if they were all saved.
        var logBytes: Int
        /// Items.
        var itemsBytes: Int
        /// One page.
        var pageBytes: Int
    }

    let budget: Budget
    private(set) var used: Used
    private var taken = LogRoom.slackBytes

    /// Inner pages of the trees, and pages that the commit writes anew before their old copies are free.
    static let slackBytes = 64 << 10

    init(_ budget: Budget, _ used: Used) {
        self.budget = budget
        self.used = used
    }

    /// What records may take up to, bytes: items that were stored under a larger budget keep their room.
    var logLimitBytes: Int { budget.mapBytes - max(budget.itemsBytes, used.itemsBytes) }

    /// Takes room for records of so many bytes (``bytes(of:pageBytes:)``).
    /// - Returns: whether there is any.
    mutating func take(_ bytes: Int) -> Bool {
        guard used.logBytes + taken + bytes <= logLimitBytes else { return false }
        taken += bytes
        return true
    }

    /// Takes room for the record of a removal.
    /// - Returns: whether there is any.
    mutating func takeForRemoval(_ bytes: Int) -> Bool {
        let limit = budget.mapBytes + budget.removalReserveBytes
        guard used.logBytes + used.itemsBytes + taken + bytes <= limit else { return false }
        taken += bytes
        return true
    }

    /// What a draft's record takes at most, bytes: LMDB gives pages of its own to what is larger than half of one.
    static func bytes(of draft: RecordDraft, pageBytes: Int) -> Int {
        let attributes = draft.attributes == .none ? 0 : attributesBytes
        let bytes =
            headBytes + draft.topic.name.utf8.count + draft.contentType.value.utf8.count + attributes
            + draft.payload.count
        return storedBytes(bytes, pageBytes: pageBytes)
    }

    /// What a value takes at most, bytes.
    static func storedBytes(_ bytes: Int, pageBytes: Int) -> Int {
        guard bytes > pageBytes / 2 - 128 else { return bytes + bytes / 2 }
        return (bytes + 16 + pageBytes - 1) / pageBytes * pageBytes + 64
    }

    private static let headBytes = 80
    private static let attributesBytes = 4 * Limits.attributeBytes
}

extension Transaction where Self: ~Copyable {
    /// What the map is used for, bytes of pages; a handful of look-ups, nothing is counted through.
    ///
    /// `nameBytes`: what ``TopicHeads/nameBytes`` says, so that heads that aren't saved yet find their room.
    func used(_ databases: LogDatabases, nameBytes: Int) throws -> LogRoom.Used {
        let records = try statistics(databases.records)
        // Leaves of a tree that grows at random places are two thirds full.
        let heads = max(try statistics(databases.heads).bytes, nameBytes + nameBytes / 2)
        let owners = try databases.itemOwners.map { try statistics($0).bytes } ?? 0
        let messages = try [databases.messages, databases.ordered].compactMap(\.self).reduce(0) {
            try $0 + statistics($1).bytes
        }
        let rest = try statistics(databases.meta).bytes + freeListStatistics().bytes + owners + messages
        return LogRoom.Used(
            logBytes: records.bytes + heads + rest,
            itemsBytes: try statistics(databases.items).bytes,
            pageBytes: records.pageSizeBytes
        )
    }
}
