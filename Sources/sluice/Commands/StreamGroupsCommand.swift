import ArgumentParser
import ChangeQueue
import Foundation
import LMDBLog
import Logging
import QueueEngine
import SluiceCore

/// `sluice stream groups`: how far each group of readers is.
struct StreamGroupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "groups",
        abstract: "Show each group's place, what it is behind, and how old the next record is."
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var report: ReportOptions

    func run() async throws {
        let settings = try await common.settings()
        do {
            let stream = try PublishersStream(settings)
            let reader = try stream.reader()
            try await Watch.run(isOn: report.watch, isJSON: report.json) {
                let groups = try stream.standings(reader)
                return report.json ? GroupStanding.json(groups) + "\n" : GroupStanding.table(groups)
            }
        } catch {
            throw CommandError(error)
        }
    }
}

/// `sluice stream reset GROUP --to …`: a group goes on elsewhere; one that isn't there is made.
struct StreamResetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset",
        abstract: "Set the place of a group that isn't being read; makes one that isn't there."
    )

    @OptionGroup var common: CommonOptions
    @Argument(help: "The group's name.") var group: String
    @Option(
        help:
            "TRIM_HORIZON (the oldest record), LATEST, AT_SEQUENCE_NUMBER=n, AFTER_SEQUENCE_NUMBER=n or AT_TIMESTAMP=time."
    )
    var to: StreamPosition

    func run() async throws {
        let settings = try await common.settings()
        do {
            let stream = try PublishersStream(settings)
            let reader = try stream.reader()
            let id = try PublishersStream.group(group)
            let member = try stream.groups.enter(id)
            let hashes = (try? stream.groups.checkpoint(of: id))?.hashes ?? .all
            let iterator = try reader.shardIterator(
                to.type,
                hashes: hashes,
                nowNanoseconds: StageClock.wallNanoseconds()
            )
            try member.save(GroupCheckpoint(iterator))
            Terminal.write("The group \(group) goes on after record \(iterator.after).\n")
        } catch {
            throw CommandError(error)
        }
    }
}

/// A place of the log as it is given on the command line.
struct StreamPosition: ExpressibleByArgument {
    let type: ShardIteratorType

    /// `TRIM_HORIZON`, `LATEST`, `AT_SEQUENCE_NUMBER=n`, `AFTER_SEQUENCE_NUMBER=n`, or `AT_TIMESTAMP=time` with the time in ISO 8601 or in
    /// seconds since 1970.
    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1).map { String($0) }
        switch (parts.first, parts.count) {
        case ("TRIM_HORIZON", 1): type = .trimHorizon
        case ("LATEST", 1): type = .latest
        case ("AT_SEQUENCE_NUMBER", 2):
            guard let number = UInt64(parts[1]) else { return nil }
            type = .atSequenceNumber(SequenceNumber(number))
        case ("AFTER_SEQUENCE_NUMBER", 2):
            guard let number = UInt64(parts[1]) else { return nil }
            type = .afterSequenceNumber(SequenceNumber(number))
        case ("AT_TIMESTAMP", 2):
            guard let nanoseconds = StreamPosition.nanoseconds(parts[1]) else { return nil }
            type = .atTimestamp(nanoseconds: nanoseconds)
        default: return nil
        }
    }

    private static func nanoseconds(_ text: String) -> UInt64? {
        let withFraction = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        let date = (try? Date(text, strategy: withFraction)) ?? (try? Date(text, strategy: .iso8601))
        guard let seconds = date?.timeIntervalSince1970 ?? Double(text), (0...1e10).contains(seconds) else {
            return nil
        }
        return UInt64((seconds * 1e6).rounded()) * 1_000
    }
}

/// How far a group is.
struct GroupStanding {
    let group: QueueID
    let checkpoint: GroupCheckpoint
    /// Records of the log after its place, those of other hash ranges included; nil when it belongs to another log.
    let recordsBehind: UInt64?
    /// How old the next record is, seconds; 0 when there is none.
    let iteratorAgeSeconds: Double

    static func table(_ groups: [GroupStanding]) -> String {
        guard !groups.isEmpty else { return "No group has read.\n" }
        var table = TextTable([("GROUP", .left), ("CHECKPOINT", .right), ("BEHIND", .right), ("AGE", .right)])
        for group in groups {
            table.add([
                group.group.description, group.checkpoint.after.description,
                group.recordsBehind.map { String($0) } ?? "another log",
                DurationText.rounded(seconds: group.iteratorAgeSeconds),
            ])
        }
        return table.text()
    }

    static func json(_ groups: [GroupStanding]) -> String {
        JSONObject.array(
            groups.map { group in
                var object = JSONObject()
                object.add("group", group.group.description)
                object.add("checkpoint", group.checkpoint.after.rawValue)
                if let behind = group.recordsBehind { object.add("recordsBehind", behind) }
                object.add("iteratorAgeSeconds", seconds: group.iteratorAgeSeconds)
                return object
            }
        )
    }
}

extension PublishersStream {
    /// A group's name.
    /// - Throws: `usage` when it isn't one.
    static func group(_ name: String) throws(CommandError) -> QueueID {
        do throws(QueueIDError) { return try QueueID(ByteString(name)) } catch {
            throw CommandError(.usage, "The group has no such name. \(error)")
        }
    }

    /// The topics of a shard.
    /// - Throws: `usage` when there is none of the number.
    func hashes(ofShard shard: UInt64, _ reader: StreamReader) throws -> HashRange {
        let inspector = reader.inspector(of: .stream, kind: .stream, dataDirectory: directory)
        let shards = try inspector.shards(nowNanoseconds: StageClock.wallNanoseconds())
        guard let found = shards.first(where: { $0.id == shard }) else {
            throw CommandError(.usage, "There is no shard \(shard); see sluice stream shards.")
        }
        return HashRange(found.firstHash, found.lastHash)
    }

    /// How far each group is.
    func standings(_ reader: StreamReader) throws -> [GroupStanding] {
        let bounds = try reader.bounds()
        let now = StageClock.wallNanoseconds()
        return try groups.all().map { group, checkpoint in
            guard checkpoint.logID == reader.logID else {
                return GroupStanding(group: group, checkpoint: checkpoint, recordsBehind: nil, iteratorAgeSeconds: 0)
            }
            let next = max(checkpoint.after.rawValue.saturatingAdd(1), bounds.oldest)
            let acceptedAt = try reader.acceptedAt(next) ?? now
            return GroupStanding(
                group: group,
                checkpoint: checkpoint,
                recordsBehind: next <= bounds.newest ? bounds.newest - next + 1 : 0,
                iteratorAgeSeconds: Double(now - min(now, acceptedAt)) / 1e9
            )
        }
    }

    /// Where a group goes on: at the oldest record when retention has trimmed what came next, which it says.
    /// - Throws: `noInput` when the place is of another log or history.
    func resume(_ checkpoint: GroupCheckpoint, of group: QueueID, _ reader: StreamReader) throws -> ShardIterator {
        let now = StageClock.wallNanoseconds()
        let iterator = checkpoint.iterator(nowNanoseconds: now)
        let bounds = try reader.bounds()
        do throws(StreamError) {
            try iterator.check(
                logID: reader.logID,
                reader.epochs,
                oldest: bounds.oldest,
                newest: bounds.newest,
                nowNanoseconds: now
            )
            return iterator
        } catch {
            guard error.code == .trimmedDataAccess else {
                throw CommandError(
                    .noInput,
                    "\(error.message) Set the place of the group \(group) with sluice stream reset \(group) --to TRIM_HORIZON."
                )
            }
            logger.warning(
                "retention has trimmed records that the group hadn't read: it goes on at the oldest one",
                metadata: [
                    "group": "\(group)",
                    "records": "\(bounds.oldest - 1 - min(bounds.oldest - 1, checkpoint.after.rawValue))",
                ]
            )
            return try reader.shardIterator(.trimHorizon, hashes: checkpoint.hashes, nowNanoseconds: now)
        }
    }
}
