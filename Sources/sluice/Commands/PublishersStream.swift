import ChangeQueue
import LMDBLog
import Logging
import SluiceCore

/// The publishers' stream of a data directory.
struct PublishersStream {
    let directory: String
    let queue: QueueID
    let logger: Logger

    /// The stream that `--queue` names, or `stream`.
    /// - Throws: `usage` for a queue that is none.
    init(_ settings: Settings) throws(CommandError) {
        directory = settings.text(.data, otherwise: "./sluice-data")
        logger = Logger(label: "sluice.stream", settings)
        guard settings.source(of: .queue) != nil, let asked: PublishersQueue = settings.value(.queue) else {
            queue = .stream
            return
        }
        let known = asked.semantics ?? QueueSettings.read(asked.id, dataDirectory: directory)?.semantics
        guard known == .stream else {
            throw CommandError(
                .usage,
                "The queue '\(asked.id)' isn't a stream. Name one with \(Setting.queue.flag), or leave it away for 'stream'."
            )
        }
        queue = asked.id
    }

    /// Opens it for reading only.
    /// - Throws: `noInput` when there is no log to look at.
    func inspector() throws(CommandError) -> QueueInspector {
        do {
            return try QueueInspector(dataDirectory: directory, queue: queue, kind: .stream)
        } catch {
            throw CommandError(.noInput, "There is no stream to look at in the data directory \(directory): \(error)")
        }
    }

    /// Opens the log for reading by iterators.
    /// - Throws: `noInput` when there is none.
    func reader() throws(CommandError) -> StreamReader {
        do {
            return try StreamReader(dataDirectory: directory)
        } catch {
            throw CommandError(.noInput, "There is no stream to read in the data directory \(directory): \(error)")
        }
    }

    /// The groups that read it.
    var groups: ConsumerGroups { ConsumerGroups(dataDirectory: directory) }

    /// Splits or merges, and says which shards there are now.
    func reshard(_ change: StreamReshard, isJSON: Bool) throws {
        let shards = try StreamShards.reshard(
            change,
            of: queue,
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
            let verb = shards.count == 1 ? "It is" : "They are"
            Terminal.write("New: \(names). \(verb) read when what was published before is delivered.\n")
        }
    }
}

/// What `sluice stream shards` shows.
enum ShardReport {
    /// For people.
    static func table(_ shards: [ShardDescription]) -> String {
        var table = TextTable([
            ("SHARD", .right), ("HASHES", .left), ("STATE", .left), ("OWNER", .left), ("BEGINS", .right),
            ("ENDS", .right),
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
