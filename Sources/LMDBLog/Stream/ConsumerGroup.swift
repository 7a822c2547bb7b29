package import ChangeQueue
import PosixSupport
package import QueueEngine
package import SluiceCore

/// How far a group of readers by iterators is: a file of the data directory, written with sync.
package struct GroupCheckpoint: Hashable, Sendable {
    /// The log that it belongs to.
    package var logID: UInt32
    /// The log's epochs at that time, as clients are told them.
    package var epochs: String
    /// The topics that the group reads.
    package var hashes: HashRange
    /// Every record up to this one was written out.
    package var after: SequenceNumber

    /// Where the reader stands.
    package init(_ iterator: ShardIterator) {
        logID = iterator.logID
        epochs = iterator.epochs
        hashes = iterator.hashes
        after = iterator.after
    }

    /// Reads a file; nil when it isn't a checkpoint.
    init?(json bytes: [UInt8]) {
        guard let json = try? JSONValue(bytes), let epochs = json["epochs"]?.string,
            let logID = json["logID"]?.unsignedInteger.flatMap({ UInt32(exactly: $0) }),
            let first = json["firstHash"]?.unsignedInteger, let last = json["lastHash"]?.unsignedInteger,
            let after = json["after"]?.unsignedInteger, first <= last
        else { return nil }
        self.logID = logID
        self.epochs = epochs
        hashes = HashRange(first, last)
        self.after = SequenceNumber(after)
    }

    var json: [UInt8] {
        JSONWriter.object { json in
            json.member("logID", logID)
            json.member("epochs", epochs)
            json.member("firstHash", hashes.first)
            json.member("lastHash", hashes.last)
            json.member("after", after.rawValue)
        }
    }

    /// The iterator that goes on there: a group's place doesn't expire.
    package func iterator(nowNanoseconds now: UInt64) -> ShardIterator {
        ShardIterator(logID: logID, epochs: epochs, hashes: hashes, after: after, issuedAtNanoseconds: now)
    }
}

/// The groups of a data directory.
package struct ConsumerGroups: Sendable {
    /// Most groups of a data directory: the gateway looks at each of them now and then.
    package static let maximumGroups = 1_000
    private static let fileSuffix = ".json"
    private let directory: String

    /// The groups of a data directory.
    package init(dataDirectory: String) { directory = dataDirectory + "/groups" }

    /// The groups beside a log's directory.
    init(besideLog log: String) { directory = log + "/../groups" }

    /// Where a group stands; nil when there is no such group.
    /// - Throws: `corruptRecord` when its file isn't a checkpoint.
    package func checkpoint(of group: QueueID) throws(ChangeQueueError) -> GroupCheckpoint? {
        guard let bytes = DurableFile.read(path(group)) else { return nil }
        guard let checkpoint = GroupCheckpoint(json: bytes) else {
            throw ChangeQueueError(
                .corruptRecord,
                "The checkpoint of the group \(group) in \(path(group)) is damaged; write it anew with sluice stream reset \(group)."
            )
        }
        return checkpoint
    }

    /// All groups with where they stand, by name; those whose file is damaged are left out.
    package func all() -> [(group: QueueID, checkpoint: GroupCheckpoint)] {
        var groups: [(group: QueueID, checkpoint: GroupCheckpoint)] = []
        Directory.forEachEntry(of: directory) { name in
            guard groups.count < ConsumerGroups.maximumGroups, name.hasSuffix(ConsumerGroups.fileSuffix),
                let group = try? QueueID(ByteString(String(name.dropLast(ConsumerGroups.fileSuffix.count)))),
                let checkpoint = try? checkpoint(of: group)
            else { return }
            groups.append((group, checkpoint))
        }
        return groups.sorted { $0.group < $1.group }
    }

    /// Takes part in a group, which has one reader at a time.
    /// - Throws: `locked` when there is one, `cannotOpen`.
    package func enter(_ group: QueueID) throws(ChangeQueueError) -> ConsumerGroup {
        let lock = try ChangeQueueError.onSystem { () throws(SystemError) in
            try Directory.make(directory)
            return try FileLock("\(directory)/\(group).lock", isExclusive: true, waits: false)
        }
        guard let lock else {
            throw ChangeQueueError(
                .locked,
                "The group \(group) is being read by another process; stop it, or read with a group of another name."
            )
        }
        if !DurableFile.exists(path(group)), all().count >= ConsumerGroups.maximumGroups {
            throw ChangeQueueError(
                .cannotOpen,
                "There are \(ConsumerGroups.maximumGroups) groups already; remove the file of one that isn't used from \(directory)."
            )
        }
        return ConsumerGroup(path: path(group), lock: lock)
    }

    private func path(_ group: QueueID) -> String { "\(directory)/\(group)\(ConsumerGroups.fileSuffix)" }
}

/// A group in the hands of its reader.
package final class ConsumerGroup: Sendable {
    private let path: String
    private let lock: FileLock

    init(path: String, lock: FileLock) {
        self.path = path
        self.lock = lock
    }

    /// Everything up to there was written out.
    /// - Throws: `storage` when the disk refuses it.
    package func save(_ checkpoint: GroupCheckpoint) throws(ChangeQueueError) {
        try ChangeQueueError.onSystem { () throws(SystemError) in
            try DurableFile.replace(path, with: checkpoint.json + [UInt8(ascii: "\n")])
        }
    }
}

/// Notices when retention has trimmed what a group of readers hadn't read, as a value.
struct GroupTrimWatch {
    /// What is to be said of one group.
    struct Loss: Equatable {
        var group: QueueID
        /// Records that were trimmed since the last look.
        var records: UInt64
        /// Whether the log has a line about it: each group has one a minute.
        var isLogged: Bool
    }

    private var trimmedThroughBefore: UInt64?
    private var loggedAt: [QueueID: UInt64] = [:]

    private static let logNanoseconds: UInt64 = 60_000_000_000

    /// Judges.
    /// - Parameters:
    ///   - trimmedThrough: the newest record that was trimmed.
    ///   - groups: how far each of the log's groups is.
    ///   - now: the monotonic clock, nanoseconds.
    /// - Returns: the groups that have lost something since the last look.
    mutating func losses(
        trimmedThrough: UInt64,
        groups: [QueueID: UInt64],
        nowNanoseconds now: UInt64
    ) -> [Loss] {
        // What was trimmed before the first look was said by who looked then.
        let before = trimmedThroughBefore ?? trimmedThrough
        trimmedThroughBefore = trimmedThrough
        loggedAt = loggedAt.filter { groups[$0.key] != nil }
        var losses: [Loss] = []
        for (group, after) in groups.sorted(by: { $0.key < $1.key }) {
            let from = max(after, before)
            guard trimmedThrough > from else { continue }
            let isLogged = loggedAt[group].map { now &- $0 >= GroupTrimWatch.logNanoseconds } ?? true
            if isLogged { loggedAt[group] = now }
            losses.append(Loss(group: group, records: trimmedThrough - from, isLogged: isLogged))
        }
        return losses
    }
}
