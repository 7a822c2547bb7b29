import LMDB
import SluiceCore
import Synchronization
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("LogWriter")
struct LogWriterTests {
    let scratch = LogScratch()

    @Test("appended records are numbered without a hole, chained by topic, and there for a reader")
    func appends() async throws {
        let log = try scratch.open()
        let writer = LogWriter(log: log)
        let first = try await writer.append([draft("a", "1"), draft("b", "2"), draft("a", "3")])
        let second = try await writer.append([draft("a", "4")])
        #expect(first.map(\.sequence.rawValue) == [1, 2, 3])
        #expect(first.map(\.previous.rawValue) == [0, 0, 1])
        #expect(second.map(\.sequence.rawValue) == [4])
        #expect(second.map(\.previous.rawValue) == [3])
        #expect(first[0].committedAtNanoseconds > 0)
        #expect(try writer.head(of: Topic("a")) == SequenceNumber(4))
        #expect(try writer.head(of: Topic("none")) == .none)
        let record = try #require(try log.reader.record(at: SequenceNumber(3)))
        #expect(record.topic.name == "a")
        #expect(record.payload == Array("3".utf8))
        #expect(record.previous == SequenceNumber(1))
        let age = StageClock.wallNanoseconds() &- record.acceptedAtWallNanoseconds
        #expect(age < 60_000_000_000)
        #expect(try await writer.append([]).isEmpty)
        #expect(try log.reader.record(at: SequenceNumber(5)) == nil)
    }

    @Test("a client is told once a commit, and the hook before it")
    func callsBack() async throws {
        let writer = LogWriter(log: try scratch.open())
        let commits = Mutex<[(UInt64, Int)]>([])
        writer.onCommit = { first, count, _ in commits.withLock { $0.append((first.rawValue, count)) } }
        let client = RecordingClient()
        writer.submit((1...100).map { (token: $0, request: .records([draft("t\($0 % 3)")])) }, for: client)
        let outcomes = await client.outcomes(100)
        #expect(client.received.count == 1)
        #expect(outcomes.map(\.token) == Array(1...100))
        #expect(commits.withLock { $0.map(\.1) } == [100])
        #expect(commits.withLock { $0.first?.0 } == 1)
    }

    @Test("an oversize record fails alone, a batch with one fails whole")
    func refusesOversize() async throws {
        let log = try scratch.open { $0.maximumPayloadBytes = 10 }
        let writer = LogWriter(log: log)
        let client = RecordingClient()
        writer.submit(
            [
                (1, .records([draft("a")])),
                (2, .records([draft("a"), draft("a", "12345678901"), draft("a")])),
                (3, .records([draft("a")])),
            ],
            for: client
        )
        let results = await client.outcomes(3).map(\.result)
        #expect(try results[0].get().first?.sequence == SequenceNumber(1))
        #expect(throws: ChangeQueueError.self) { try results[1].get() }
        #expect(try results[2].get().first?.sequence == SequenceNumber(2))
        #expect(try results[2].get().first?.previous == SequenceNumber(1))
        #expect(try log.reader.statistics().logRecords == 2)
    }

    @Test("more than the pending bytes are refused at once, on the caller's thread")
    func refusesOverload() throws {
        let writer = LogWriter(log: try scratch.open { $0.maximumPendingBytes = 1_000 })
        let client = RecordingClient()
        writer.submit([(7, .records([draft("a", String(repeating: "1", count: 2_000))]))], for: client)
        let outcomes = client.received.flatMap { $0 }
        #expect(outcomes.map(\.token) == [7])
        guard case .failure(let error)? = outcomes.first?.result else {
            Issue.record("2,000 bytes fitted into 1,000")
            return
        }
        #expect(error.code == .overloaded)
        #expect(error.apiError.code == .overloaded)
    }

    @Test("shutting down answers what waits, then refuses")
    func shutsDown() async throws {
        let writer = LogWriter(log: try scratch.open())
        let client = RecordingClient()
        writer.submit((1...50).map { (token: $0, request: .records([draft("a")])) }, for: client)
        writer.shutdown()
        #expect(client.received.flatMap { $0 }.count == 50)
        await #expect(throws: ChangeQueueError.self) { try await writer.append([draft("a")]) }
        writer.shutdown()
    }

    @Test("too many topics: a new one is refused, known ones and the other requests of the commit go on")
    func refusesTopics() async throws {
        let writer = LogWriter(log: try scratch.open { $0.maximumTopics = 2 })
        _ = try await writer.append([draft("a"), draft("b")])
        let client = RecordingClient()
        writer.submit([(1, .records([draft("a"), draft("c")])), (2, .records([draft("b")]))], for: client)
        let results = await client.outcomes(2).map(\.result)
        guard case .failure(let error) = results[0] else {
            Issue.record("a third topic was taken")
            return
        }
        #expect(error.code == .tooManyTopics)
        #expect(try results[1].get().first?.sequence == SequenceNumber(3))
        #expect(try results[1].get().first?.previous == SequenceNumber(2))
    }

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
        #expect(error.apiError.code == .tooManyTopics)
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

    @Test("many tasks at once: every record is stored once, and the chain has no hole")
    func appendsConcurrently() async throws {
        let log = try scratch.open()
        let writer = LogWriter(log: log)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<32 {
                group.addTask {
                    for round in 0..<20 { _ = try await writer.append([draft("t\((task + round) % 5)")]) }
                }
            }
            try await group.waitForAll()
        }
        try expectWholeChain(log, records: 640)
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
