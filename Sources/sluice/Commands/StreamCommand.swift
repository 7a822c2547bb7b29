import ArgumentParser
import ChangeQueue
import LMDBLog
import Logging
import SluiceCore

/// `sluice stream …`: the shards of the publishers' stream, whether or not the processes run.
struct StreamCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream",
        abstract: "Look at the shards of the publishers' stream, split and merge them; with or without the processes running.",
        subcommands: [StreamShardsCommand.self, StreamSplitCommand.self, StreamMergeCommand.self]
    )
}

/// `sluice stream shards`: who reads which part of the hash space, and how far.
struct StreamShardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shards",
        abstract: "Show each shard's hash range, its reader, its checkpoint, and what it is behind."
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var report: ReportOptions

    func run() async throws {
        let settings = try await common.settings()
        do {
            let queue = try PublishersStream(settings).inspector()
            try await Watch.run(isOn: report.watch, isJSON: report.json) {
                let shards = try queue.shards(nowNanoseconds: StageClock.wallNanoseconds())
                return report.json ? ShardReport.json(shards) + "\n" : ShardReport.table(shards)
            }
        } catch {
            throw CommandError(error)
        }
    }
}

/// `sluice stream split SHARD`: two halves of its hash range.
struct StreamSplitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split",
        abstract: "Split a shard into two halves of its hash range; the order of its records stays."
    )

    @OptionGroup var common: CommonOptions
    @Flag(help: "One JSON text, for programs.") var json = false
    @Argument(help: "The shard's number, as sluice stream shards shows it.") var shard: UInt64

    func run() async throws {
        let settings = try await common.settings()
        do { try PublishersStream(settings).reshard(.split(shard), isJSON: json) } catch { throw CommandError(error) }
    }
}

/// `sluice stream merge SHARD SHARD`: one shard of two that are next to each other.
struct StreamMergeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Merge two shards whose hash ranges are next to each other; the order of their records stays."
    )

    @OptionGroup var common: CommonOptions
    @Flag(help: "One JSON text, for programs.") var json = false
    @Argument(help: "One shard's number.") var shard: UInt64
    @Argument(help: "The number of the shard next to it.") var adjacent: UInt64

    func run() async throws {
        let settings = try await common.settings()
        do {
            try PublishersStream(settings).reshard(.merge(shard, adjacent), isJSON: json)
        } catch {
            throw CommandError(error)
        }
    }
}

/// The publishers' stream of a data directory.
struct PublishersStream {
    let directory: String
    private let logger: Logger

    init(_ settings: Settings) {
        directory = settings.text(.data, otherwise: "./sluice-data")
        logger = Logger(label: "sluice.stream", settings)
    }

    /// Opens it for reading only.
    /// - Throws: `noInput` when there is no log to look at.
    func inspector() throws(CommandError) -> QueueInspector {
        do {
            return try QueueInspector(dataDirectory: directory, queue: .stream, kind: .stream)
        } catch {
            throw CommandError(.noInput, "There is no stream to look at in the data directory \(directory): \(error)")
        }
    }

    /// Splits or merges, and says which shards there are now.
    func reshard(_ change: StreamReshard, isJSON: Bool) throws {
        let shards = try StreamShards.reshard(
            change,
            of: .stream,
            QueueSemantics.stream.attributes,
            dataDirectory: directory,
            logger: logger
        )
        if isJSON {
            var object = JSONObject()
            object.addRaw("shards", "[" + shards.map { String($0) }.joined(separator: ",") + "]")
            Terminal.write(object.text + "\n")
        } else {
            let names = shards.map { String($0) }.joined(separator: " and ")
            Terminal.write("New: \(names). It is read when what was published before is delivered.\n")
        }
    }
}

/// What `sluice stream shards` shows.
enum ShardReport {
    /// For people.
    static func table(_ shards: [ShardDescription]) -> String {
        var table = TextTable([
            ("SHARD", .right), ("HASHES", .left), ("STATE", .left), ("OWNER", .left), ("BEGINS", .right), ("ENDS", .right),
            ("CHECKPOINT", .right), ("BEHIND", .right), ("AGE", .right),
        ])
        for shard in shards {
            table.add([
                String(shard.id), "\(hash(shard.firstHash))–\(hash(shard.lastHash))", state(shard),
                String((shard.owner ?? "–").prefix(8)), shard.beginning.description, shard.end?.description ?? "–",
                shard.checkpoint.description, String(shard.recordsBehind),
                DurationText.rounded(seconds: shard.iteratorAgeSeconds),
            ])
        }
        return table.text()
    }

    /// For programs: an array.
    static func json(_ shards: [ShardDescription]) -> String {
        JSONObject.array(
            shards.map { shard in
                var object = JSONObject()
                object.add("shard", shard.id)
                object.add("firstHash", hash(shard.firstHash))
                object.add("lastHash", hash(shard.lastHash))
                object.add("state", state(shard))
                object.add("owner", shard.owner)
                object.add("beginning", shard.beginning.rawValue)
                if let end = shard.end { object.add("end", end.rawValue) }
                object.add("checkpoint", shard.checkpoint.rawValue)
                object.add("recordsBehind", shard.recordsBehind)
                object.add("iteratorAgeSeconds", seconds: shard.iteratorAgeSeconds)
                return object
            }
        )
    }

    private static func state(_ shard: ShardDescription) -> String {
        if shard.waitsForParents { return "waiting" }
        return shard.end == nil ? "open" : "closed"
    }

    private static func hash(_ hash: UInt64) -> String {
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
