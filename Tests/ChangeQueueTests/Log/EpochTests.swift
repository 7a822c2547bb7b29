import LMDB
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("Epochs of a log")
struct EpochTests {
    let scratch = LogScratch()

    private func append(_ count: Int, to log: ChangeLog) async throws {
        let writer = LogWriter(log: log)
        for _ in 0..<count { _ = try await writer.append([draft("a")]) }
        writer.shutdown()
    }

    private func point(_ after: UInt64, _ epoch: String, in log: ChangeLog) throws -> ResumePoint {
        let last = try log.reader.lastSequence()
        return log.epochs.resume(after: SequenceNumber(after), of: EpochClaim(ByteString(epoch)), head: last) { last }
    }

    @Test("each opening by a first writer begins one, and positions of earlier ones stay good")
    func reopened() async throws {
        let first: String
        do {
            let log = try scratch.open()
            first = log.epochs.text
            #expect(log.epochs.current != .unknown)
            try await append(3, to: log)
        }
        let log = try scratch.open()
        #expect(log.epochs.text != first)
        try await append(2, to: log)
        #expect(try point(3, first, in: log) == .known(SequenceNumber(3)))
        #expect(try point(4, first, in: log) == .diverged(after: SequenceNumber(3)))
        #expect(try point(5, log.epochs.text, in: log) == .known(SequenceNumber(5)))
    }

    @Test("a copy that went on by itself is told apart from where it was made")
    func copied() async throws {
        let log = try scratch.open()
        try await append(20, to: log)
        let copy = try scratch.openAfterKill(log)
        try await append(10, to: log)
        try await append(15, to: copy)
        let epoch = log.epochs.text
        #expect(try point(20, epoch, in: copy) == .known(SequenceNumber(20)))
        #expect(try point(30, epoch, in: copy) == .diverged(after: SequenceNumber(20)))
        #expect(try point(25, copy.epochs.text, in: log) == .diverged(after: SequenceNumber(20)))
    }

    @Test("whoever doesn't append begins none")
    func publisher() async throws {
        let epoch = try scratch.open().epochs.current
        let log = try ChangeLog.open(scratch.configuration(), appends: false)
        #expect(log.epochs.current == epoch)
    }

    @Test("only the last ten thousand are kept")
    func kept() throws {
        let log = try scratch.open()
        let database = try #require(log.databases.epochs)
        try log.environment.write { transaction in
            for number in UInt64(2)...10_000 {
                let record = EpochRecord(epoch: LogEpoch(rawValue: number), first: SequenceNumber(number))
                try transaction.put(database, number, record.bytes)
            }
        }
        try log.environment.write { try EpochLock.begin($0, log.databases) }
        let count = try log.environment.read { try $0.statistics(database).entries }
        #expect(count == 10_000)
    }
}
