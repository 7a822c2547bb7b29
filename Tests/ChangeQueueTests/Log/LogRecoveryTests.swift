import LMDB
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("LogWriter, recovery and retention")
struct LogRecoveryTests {
    let scratch = LogScratch()

    private func stepUntilDone(_ log: ChangeLog, wall: UInt64 = StageClock.wallNanoseconds()) throws -> Int {
        let trimmer = LogTrimmer(log: log)
        var trimmed = 0
        while case .trimmed(let count) = try trimmer.step(nowNanoseconds: wall) { trimmed += count }
        return trimmed
    }

    @Test("after a kill everything that was acknowledged is there, and the chain goes on")
    func survivesKill() async throws {
        let log = try scratch.open()
        let writer = LogWriter(log: log)
        for round in 0..<50 { _ = try await writer.append([draft("t\(round % 3)")]) }
        let killed = try scratch.openAfterKill(log)
        #expect(killed.logID == log.logID)
        let successor = LogWriter(log: killed)
        let next = try await successor.append([draft("t0"), draft("new")])
        #expect(next.map(\.sequence.rawValue) == [51, 52])
        #expect(next.map(\.previous.rawValue) == [49, 0])
        #expect(try killed.reader.records(after: .none, maximumRecords: 100, maximumBytes: .max).count == 52)
    }

    @Test("heads that were saved and those in the tail give the same chain after a kill", arguments: [1, 10, 1_000])
    func rebuildsHeads(headSaveRecords: Int) async throws {
        let change: (inout ChangeLogConfiguration) -> Void = { $0.headSaveRecords = headSaveRecords }
        let log = try scratch.open(change)
        let writer = LogWriter(log: log)
        for round in 0..<40 { _ = try await writer.append([draft("t\(round % 9)")]) }
        let killed = LogWriter(log: try scratch.openAfterKill(log, change))
        for topic in 0..<9 {
            let name = try Topic("t\(topic)")
            #expect(try killed.head(of: name) == writer.head(of: name))
        }
    }

    @Test("a shutdown saves the heads, so that a restart reads no tail")
    func savesHeadsAtShutdown() async throws {
        do {
            let writer = LogWriter(log: try scratch.open())
            _ = try await writer.append((1...600).map { draft("t\($0)") })
            writer.shutdown()
        }
        let log = try scratch.open()
        #expect(try log.environment.read { try $0.meta(.headsSavedThrough, log.databases) } == 600)
        #expect(try log.environment.read { try $0.count(log.databases.heads) } == 600)
        #expect(try LogWriter(log: log).head(of: Topic("t77")) == SequenceNumber(77))
    }

    @Test("old records are trimmed, the numbers go on after a restart, and the chain still leads to the trimmed ones")
    func trimsByAge() async throws {
        do {
            let log = try scratch.open { $0.retentionAge = .seconds(3_600) }
            let writer = LogWriter(log: log)
            _ = try await writer.append((1...2_500).map { draft("t\($0 % 10)") })
            writer.shutdown()
            #expect(try stepUntilDone(log) == 0)
            #expect(try stepUntilDone(log, wall: StageClock.wallNanoseconds() + 3_601_000_000_000) == 2_500)
            #expect(try log.reader.statistics().logRecords == 0)
            #expect(try log.reader.lastSequence() == SequenceNumber(2_500))
            #expect(try log.reader.firstSequence() == SequenceNumber(2_501))
        }
        let log = try scratch.open()
        #expect(try log.reader.lastSequence() == SequenceNumber(2_500))
        let writer = LogWriter(log: log)
        let next = try await writer.append([draft("t7")])
        #expect(next.map(\.sequence.rawValue) == [2_501])
        #expect(next.map(\.previous.rawValue) == [2_497])
        let history = try log.reader.history(
            of: Topic("t7"),
            head: SequenceNumber(2_501),
            after: SequenceNumber(17),
            maximumRecords: 100
        )
        #expect(history.sequences == [SequenceNumber(2_501)])
        #expect(history.gap == SequenceGap(from: SequenceNumber(18), to: SequenceNumber(2_501)))
        let complete = try log.reader.history(
            of: Topic("t7"),
            head: SequenceNumber(2_501),
            after: SequenceNumber(2_497),
            maximumRecords: 100
        )
        #expect(complete.gap == nil)
    }

    @Test("a log that is too large loses its oldest records until it isn't, in bounded steps")
    func trimsByBytes() async throws {
        let log = try scratch.open { $0.retentionBytes = 1 << 20 }
        let writer = LogWriter(log: log)
        let payload = String(repeating: "1", count: 1_000)
        for _ in 0..<30 { _ = try await writer.append((0..<100).map { draft("t\($0)", payload) }) }
        writer.shutdown()
        let trimmer = LogTrimmer(log: log)
        guard case .trimmed(let count) = try trimmer.step(nowNanoseconds: StageClock.wallNanoseconds()) else {
            // The writer itself may have been quicker.
            #expect(try log.reader.statistics().logBytes <= 1 << 20)
            return
        }
        #expect(count <= Retention.leastTrimmedAtOnce)
        _ = try stepUntilDone(log)
        let statistics = try log.reader.statistics()
        #expect(statistics.logBytes <= 1 << 20)
        #expect(statistics.logRecords > 200)
        #expect(statistics.lastSequence == SequenceNumber(3_000))
    }

    @Test("records that the saved heads don't know aren't trimmed before they do")
    func savesHeadsBeforeTrimming() async throws {
        let log = try scratch.open { $0.retentionAge = .zero }
        let heads = SharedTopicHeads(log: log)
        let committer = LogCommitter(log: log, heads: heads)
        var group = AppendGroup(
            [
                AppendSubmission(
                    client: RecordingClient(),
                    requests: [(1, .records([draft("a"), draft("b")]))],
                    bytes: 1
                )
            ],
            limits: AppendLimits(maximumPayloadBytes: 100)
        )
        _ = try committer.store(&group)
        let later = StageClock.wallNanoseconds() + 1_000_000_000
        let trimmer = LogTrimmer(log: log)
        #expect(try trimmer.step(nowNanoseconds: later) == .needsSavedHeads)
        var saver = HeadSaver(log: log, heads: heads)
        expectEqual(try saver.step(), true)
        #expect(try trimmer.step(nowNanoseconds: later) == .trimmed(2))
        #expect(try trimmer.step(nowNanoseconds: later) == .nothing)
        // Another process, which never read the two records, finds their heads where they were saved.
        #expect(try SharedTopicHeads(log: log).head(of: Topic("b")) == SequenceNumber(2))
    }

    @Test("a full map refuses with queueFull, loses nothing, and takes records again when retention has made room")
    func fullMap() async throws {
        let change: (inout ChangeLogConfiguration) -> Void = {
            $0.mapSizeBytes = 1 << 20
            $0.headSaveRecords = 100_000
        }
        let payload = String(repeating: "1", count: 1_000)
        var stored: UInt64 = 0
        do {
            let log = try scratch.open(change)
            let writer = LogWriter(log: log)
            var failure: ChangeQueueError?
            for _ in 0..<2_000 where failure == nil {
                do throws(ChangeQueueError) {
                    stored = try await writer.append([draft("a", payload)]).last?.sequence.rawValue ?? 0
                } catch { failure = error }
            }
            #expect(failure?.code == .queueFull)
            #expect(stored > 500)
            let all = try log.reader.records(after: .none, maximumRecords: .max, maximumBytes: .max)
            #expect(all.map(\.sequence.rawValue) == (1...stored).map { $0 })
            for record in all { _ = try record.decoded() }
        }
        // The same log with a retention that allows half of it.
        let log = try scratch.open {
            change(&$0)
            $0.retentionBytes = 512 << 10
        }
        let writer = LogWriter(log: log)
        for round in 1...500 as ClosedRange<UInt64> {
            let appended = try await writer.append([draft("a", payload)])
            #expect(appended.first?.sequence == SequenceNumber(stored + round))
            #expect(appended.first?.previous == SequenceNumber(stored + round - 1))
        }
    }

    @Test("a reader walks a topic's chain over what other topics have written between")
    func walksHistory() async throws {
        let log = try scratch.open()
        let writer = LogWriter(log: log)
        for round in 0..<300 { _ = try await writer.append([draft("t\(round % 3)"), draft("noise")]) }
        let head = try writer.head(of: Topic("t1"))
        let history = try log.reader.history(of: Topic("t1"), head: head, after: .none, maximumRecords: 1_000)
        #expect(history.sequences.count == 100)
        #expect(history.gap == nil)
        let records = try log.reader.encodedRecords(at: history.sequences)
        #expect(records.allSatisfy { $0.topic.name == "t1" })
        #expect(records.map(\.sequence) == history.sequences.sorted())
        let last = try #require(records.last)
        let hole = try log.reader.chain(before: last.previous, after: history.sequences[90], limit: 1_000)
        #expect(hole.sequences == Array(history.sequences[91..<99]))
    }

    @Test("records are read in order, up to a number and up to so many bytes, the first one whatever its size")
    func readsBatches() async throws {
        let log = try scratch.open()
        let writer = LogWriter(log: log)
        _ = try await writer.append((0..<10).map { _ in draft("a", String(repeating: "1", count: 900)) })
        let reader = log.reader
        #expect(
            try reader.records(after: .none, maximumRecords: 3, maximumBytes: .max).map(\.sequence.rawValue) == [
                1, 2, 3,
            ]
        )
        #expect(
            try reader.records(after: SequenceNumber(8), maximumRecords: 30, maximumBytes: .max).map(
                \.sequence.rawValue
            ) == [9, 10]
        )
        #expect(
            try reader.records(after: .none, maximumRecords: 30, maximumBytes: 2_500).map(\.sequence.rawValue) == [
                1, 2,
            ]
        )
        #expect(try reader.records(after: .none, maximumRecords: 30, maximumBytes: 1).map(\.sequence.rawValue) == [1])
        #expect(try reader.records(after: SequenceNumber(10), maximumRecords: 30, maximumBytes: .max).isEmpty)
        #expect(try reader.records(after: SequenceNumber(.max), maximumRecords: 30, maximumBytes: .max).isEmpty)
    }
}
