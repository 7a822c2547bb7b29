import ArgumentParser
import ChangeQueue
import LMDBLog
import QueueEngine
import SluiceCore

/// `sluice stream read`: the log's records in their order, from a place on; takes them from no queue.
struct StreamReadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read",
        abstract: "Write out records, one a line, from a place of the log on; takes none from any queue."
    )

    @OptionGroup var common: CommonOptions
    @Option(
        help:
            "TRIM_HORIZON (the oldest record), LATEST, AT_SEQUENCE_NUMBER=n, AFTER_SEQUENCE_NUMBER=n or AT_TIMESTAMP=time."
    )
    var from: StreamPosition?
    @Option(help: "Only topics of this shard's hash range.") var shard: UInt64?
    @Option(help: "Only topics that begin so.") var topicPrefix: String?
    @Option(help: "Only changes of this table's items.") var table: String?
    @Option(help: "Records to write out at most.") var limit: Int?
    @Flag(help: "Go on with what comes, until stopped.") var follow = false
    @Option(help: "Go on where this group has stopped, and keep its place.") var group: String?
    @Flag(help: "One JSON object a line, for programs.") var json = false

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is a number from 1 on.") }
    }

    func run() async throws {
        let settings = try await common.settings()
        do {
            let stream = try PublishersStream(settings)
            let reader = try stream.reader()
            var reading = try StreamReading(self, stream, reader)
            repeat {
                while try reading.step() {}
                if reading.isOver { return }
                if follow { try await Task.sleep(for: .milliseconds(100)) }
            } while follow
        } catch {
            throw CommandError(error)
        }
    }
}

/// A reading on its way: reads, writes out, and then keeps the group's place.
private struct StreamReading {
    private let reader: StreamReader
    private let filter: StreamFilter
    private let isJSON: Bool
    private let group: ConsumerGroup?
    private var iterator: ShardIterator
    private var left: Int
    /// Without following it ends here, however much comes meanwhile.
    private let end: UInt64
    private(set) var isOver = false

    init(_ command: StreamReadCommand, _ stream: PublishersStream, _ reader: StreamReader) throws {
        self.reader = reader
        filter = StreamFilter(
            topicPrefix: command.topicPrefix.map { ByteString($0) },
            table: command.table.map { ByteString($0) }
        )
        isJSON = command.json
        left = command.limit ?? .max
        end = command.follow ? .max : try reader.bounds().newest
        let hashes = try command.shard.map { try stream.hashes(ofShard: $0, reader) }
        guard let name = command.group else {
            group = nil
            iterator = try reader.shardIterator(
                command.from?.type ?? .trimHorizon,
                hashes: hashes ?? .all,
                nowNanoseconds: StageClock.wallNanoseconds()
            )
            return
        }
        let id = try PublishersStream.group(name)
        let group = try stream.groups.enter(id)
        self.group = group
        if let checkpoint = try stream.groups.checkpoint(of: id) {
            if command.from != nil {
                throw CommandError(
                    .usage,
                    "The group \(name) goes on where it has stopped. Leave --from out, or set its place with sluice stream reset \(name) --to …."
                )
            }
            if let hashes, hashes != checkpoint.hashes {
                throw CommandError(
                    .usage,
                    "The group \(name) reads another hash range than shard \(command.shard ?? 0) has now. Give each shard a group of its own."
                )
            }
            iterator = try stream.resume(checkpoint, of: id, reader)
        } else {
            iterator = try reader.shardIterator(
                command.from?.type ?? .trimHorizon,
                hashes: hashes ?? .all,
                nowNanoseconds: StageClock.wallNanoseconds()
            )
            // From here on retention tells what this group has missed.
            try group.save(GroupCheckpoint(iterator))
        }
    }

    /// Reads and writes out one page.
    /// - Returns: whether there may be more at once.
    mutating func step() throws -> Bool {
        let page = try reader.records(
            iterator,
            limit: min(left, StreamReader.maximumRecords),
            filter: filter,
            nowNanoseconds: StageClock.wallNanoseconds()
        )
        let text = page.records.map { isJSON ? StreamRecordReport.json($0) : StreamRecordReport.line($0) }.joined()
        // What nobody has taken isn't read: the group gets it again.
        guard text.isEmpty || Terminal.tryToWrite(text) else {
            isOver = true
            return false
        }
        if page.next.after != iterator.after { try group?.save(GroupCheckpoint(page.next)) }
        let hasMoved = page.next.after != iterator.after
        iterator = page.next
        left -= page.records.count
        isOver = left <= 0 || iterator.after.rawValue >= end
        return hasMoved && !isOver
    }
}

/// What `sluice stream read` writes.
enum StreamRecordReport {
    private static let previewBytes = 120

    /// For people.
    static func line(_ record: ChangeRecord) -> String {
        let payload = String(decoding: record.payload.prefix(previewBytes), as: UTF8.self).printable(
            limit: previewBytes
        )
        return "\(record.sequence) \(WallClock.text(nanoseconds: record.acceptedAtWallNanoseconds)) "
            + "\(record.topic.name.printable(limit: 120)) \(payload)\n"
    }

    /// For programs: a change of an item with the images that it carries, as DynamoDB Streams' record has them; any other one with its payload.
    static func json(_ record: ChangeRecord) -> String {
        var object = JSONObject()
        object.add("sequenceNumber", record.sequence.rawValue)
        object.add("topic", record.topic.name)
        object.add("acceptedAt", WallClock.text(nanoseconds: record.acceptedAtWallNanoseconds))
        if let operation = record.attributes.operation, let key = record.attributes.itemKey,
            let change = try? JSONValue(record.payload)
        {
            object.add("eventName", operation.rawValue)
            object.add("table", record.attributes.table)
            object.add("keys") { json in json.object { $0.member("key", key) } }
            for (name, member) in [("newImage", ByteString("new")), ("oldImage", ByteString("old"))] {
                guard let image = change[member] else { continue }
                object.addRaw(name, String(decoding: image.bytes, as: UTF8.self))
                let encoding = change[ByteString("\(member)Encoding")]?.string
                if let encoding { object.add("\(name)Encoding", encoding) }
            }
            return line(object)
        }
        object.add("contentType", record.contentType.value)
        var data: [UInt8] = []
        if JSONText.appendPayload(record.payload, record.contentType, to: &data) { object.add("encoding", "base64") }
        object.addRaw("data", String(decoding: data, as: UTF8.self))
        return line(object)
    }

    /// A payload may have line breaks between its members, where a space means the same; within strings they are escaped.
    private static func line(_ object: JSONObject) -> String {
        String(decoding: object.text.utf8.map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self) + "\n"
    }
}
