import LMDB
import SluiceCore
import Synchronization
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("LogWriter")
struct LogWriterTests {
    let scratch = LogScratch()

    /// Goal: a table that was filled is open again when its records are trimmed, without a restart, and a refused unit
    /// leaves nothing in it. Method: a small table, records that are old at once.
    @Test("topics without records make room again, in the table, in the saved heads and after a restart")
    func forgetsTopics() async throws {
        let change: (inout ChangeLogConfiguration) -> Void = {
            $0.maximumTopics = 1_000
            $0.retentionAge = .seconds(2)
        }
        do {
            let log = try scratch.open(change)
            let writer = LogWriter(log: log)
            for batch in 0..<10 { _ = try await writer.append((0..<100).map { draft("old/\(batch)/\($0)") }) }
            #expect(try writer.usage().topics == 1_000)
            await #expect(throws: ChangeQueueError.self) { try await writer.append([draft("old/0/0"), draft("new")]) }
            #expect(try writer.usage().topics == 1_000)
            let deadline = ContinuousClock.now + .seconds(60)
            while try writer.usage().topics > 500, ContinuousClock.now < deadline { await Task.yield() }
            #expect(try writer.usage().topics == 500)
            _ = try await writer.append((0..<400).map { draft("new/\($0)") })
            #expect(try log.environment.read { try $0.count(log.databases.heads) } <= 600)
        }
        let log = try scratch.open(change)
        let writer = LogWriter(log: log)
        // A topic that may have been forgotten has a `previous` that is trimmed, or the right one.
        let appended = try await writer.append([draft("old/0/0"), draft("new/0")])
        let trimmed = try log.environment.read { try $0.meta(.trimmedThrough, log.databases) }
        #expect(appended[0].previous.rawValue <= trimmed)
        #expect(appended[0].previous.rawValue >= 1)
    }

    /// Goal: who doesn't know how long records are kept trims none, not even to make room. Method: records that are old at once, up to a full map.
    @Test("a writer that doesn't maintain the log trims nothing, begins no epoch, and says when the log is full")
    func maintainsNothing() async throws {
        let change: (inout ChangeLogConfiguration) -> Void = {
            $0.mapSizeBytes = 1 << 20
            $0.retentionAge = .zero
            $0.retentionBytes = 0
        }
        let epoch: String
        do { epoch = try scratch.open(change).epochs.text }
        let log = try ChangeLog.open(scratch.configuration(change), appends: false)
        #expect(log.epochs.text == epoch)
        let writer = LogWriter(log: log, maintainsLog: false)
        var (stored, isFull) = (0, false)
        while !isFull, stored < 1_000 {
            do throws(ChangeQueueError) {
                stored += try await writer.append([draft("t", String(repeating: "x", count: 10_000))]).count
            } catch {
                guard error.code == .queueFull else { throw error }
                isFull = true
            }
        }
        #expect(isFull && stored > 10)
        writer.shutdown()
        #expect(try log.reader.record(at: SequenceNumber(1)) != nil)
        #expect(try log.environment.read { try $0.meta(.trimmedThrough, log.databases) } == 0)
    }

    @Test("a client's new topics are bounded for themselves, and each refusal is reported")
    func boundsTopicsOfPrincipal() async throws {
        let refusals = Mutex<[AppendRefusal: Int]>([:])
        let log = try scratch.open {
            $0.principalTopics = 20
            $0.principalTopicsPerSecond = 1
        }
        let writer = LogWriter(log: log) { refusal, requests in
            refusals.withLock { $0[refusal, default: 0] += requests }
        }
        let mallory = PrincipalID(7)
        _ = try await writer.append((0..<20).map { draft("m/\($0)") }, by: mallory)
        let client = RecordingClient()
        writer.submit(
            [(1, .records([draft("m/20")], by: mallory)), (2, .records([draft("a/1")], by: PrincipalID(8)))],
            for: client
        )
        let results = await client.outcomes(2).map(\.result)
        guard case .failure(let error) = results[0] else {
            Issue.record("a 21st topic was taken")
            return
        }
        #expect(error.refusal == .principalTopics)
        #expect(error.code == .tooManyTopics)
        #expect(try results[1].get().count == 1)
        _ = try await writer.append([draft("m/0")], by: mallory)
        _ = try await writer.append((0..<2_000).map { draft("s/\($0)") })
        #expect(refusals.withLock { $0 } == [.principalTopics: 1])
    }

    /// Goal: commits of another process are chained to and seen. Method: a second writer on the same log, which shares
    /// nothing with the first but the file, as writers of two processes do.
    @Test("two writers that don't know of each other give one sequence and one chain")
    func sharesLog() async throws {
        let log = try scratch.open()
        let writers = [LogWriter(log: log), LogWriter(log: log)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in writers {
                group.addTask {
                    for round in 0..<100 { _ = try await writer.append([draft("shared"), draft("t\(round % 7)")]) }
                }
            }
            try await group.waitForAll()
        }
        try expectWholeChain(log, records: 400)
        for writer in writers {
            #expect(try writer.head(of: Topic("shared")) == head(of: "shared", in: log))
            #expect(try writer.head(of: Topic("t3")) == head(of: "t3", in: log))
        }
    }

    /// Reads the whole log and checks numbers and chain.
    private func expectWholeChain(_ log: ChangeLog, records: Int) throws {
        let all = try log.reader.records(after: .none, maximumRecords: .max, maximumBytes: .max)
        #expect(all.map(\.sequence.rawValue) == (1...UInt64(records)).map { $0 })
        var heads: [Topic: SequenceNumber] = [:]
        for record in all {
            #expect(record.previous == heads[record.topic] ?? .none)
            heads[record.topic] = record.sequence
        }
    }

    private func head(of topic: String, in log: ChangeLog) throws -> SequenceNumber {
        try log.reader.records(after: .none, maximumRecords: .max, maximumBytes: .max)
            .last { $0.topic.name == topic }?.sequence ?? .none
    }
}
