import ArgumentParser
import ChangeQueue
import LMDBLog
import SluiceCore

/// `sluice stream …`: the log as a stream, whether or not the processes run.
struct StreamCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream",
        abstract: "Read the log as a stream; look at the shards of the publishers' stream, split and merge them.",
        discussion: "With or without the processes running. docs/semantics.md compares it with DynamoDB Streams.",
        subcommands: [
            StreamShardsCommand.self, StreamSplitCommand.self, StreamMergeCommand.self, StreamReadCommand.self,
            StreamGroupsCommand.self, StreamResetCommand.self,
        ]
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
