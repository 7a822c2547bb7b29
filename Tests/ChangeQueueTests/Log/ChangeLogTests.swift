import Foundation
import LMDB
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("ChangeLog")
struct ChangeLogTests {
    let scratch = LogScratch()

    private func code(_ body: () throws -> Void) -> ChangeQueueError.Code? {
        do {
            try body()
            return nil
        } catch { return (error as? ChangeQueueError)?.code }
    }

    @Test("a new log is empty and has a number of its own, which it keeps")
    func opens() throws {
        let logID: UInt32
        do {
            let log = try scratch.open()
            logID = log.logID
            #expect(logID != 0)
            #expect(try log.reader.lastSequence() == .none)
            #expect(try log.reader.firstSequence() == SequenceNumber(1))
            let statistics = try log.reader.statistics()
            #expect(statistics.logRecords == 0)
            #expect(statistics.mapSizeBytes == 64 << 20)
            #expect(statistics.oldestAcceptedAtWallNanoseconds == nil)
        }
        #expect(try scratch.open().logID == logID)
    }

    @Test(
        "a second open in the process is the same log, with the larger map; one for reading only is refused as locked"
    )
    func sharesSecondOpen() throws {
        let log = try scratch.open()
        var larger = log.configuration
        larger.mapSizeBytes = 128 << 20
        let second = try ChangeLog.open(larger, appends: false)
        #expect(second.logID == log.logID)
        #expect(log.environment.mapSizeBytes >= 128 << 20)
        #expect(code { _ = try ChangeLog.openReadOnly(directory: scratch.path + "/log") } == .locked)
        withExtendedLifetime(log) {}
    }

    @Test("it opens for reading only, and says what is missing when there is no log")
    func opensReadOnly() async throws {
        #expect(code { _ = try ChangeLog.openReadOnly(directory: scratch.path + "/log") } == .cannotOpen)
        do {
            let writer = LogWriter(log: try scratch.open())
            _ = try await writer.append([draft("a")])
        }
        let log = try ChangeLog.openReadOnly(directory: scratch.path + "/log")
        let statistics = try log.reader.statistics()
        #expect(statistics.logRecords == 1)
        #expect(statistics.mapSizeBytes == 64 << 20)
        #expect(statistics.mapUsedBytes > 0)
        #expect(statistics.logBytes >= 4096)
        #expect(try log.reader.record(at: SequenceNumber(1))?.topic.name == "a")
    }

    @Test("a directory that can't be made, a file in its place, and another layout are typed errors")
    func typedErrors() throws {
        #expect(code { _ = try ChangeLog.open(ChangeLogConfiguration()) } == .cannotOpen)
        #expect(code { _ = try ChangeLog.open(ChangeLogConfiguration(directory: "/proc/none/log")) } == .cannotOpen)
        try FileManager.default.createDirectory(atPath: scratch.path, withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(fileURLWithPath: scratch.path + "/log"))
        #expect(code { _ = try scratch.open() } == .cannotOpen)
        try FileManager.default.removeItem(atPath: scratch.path + "/log")
        do {
            let log = try scratch.open()
            try log.environment.write { try $0.setMeta(.formatVersion, 3, log.databases) }
        }
        #expect(code { _ = try scratch.open() } == .versionMismatch)
        #expect(code { _ = try ChangeLog.openReadOnly(directory: scratch.path + "/log") } == .versionMismatch)
    }

    @Test("a record whose bytes were changed on disk is reported, not returned")
    func reportsCorruption() async throws {
        let log = try scratch.open()
        _ = try await LogWriter(log: log).append([draft("a", "12345")])
        try log.environment.write { transaction in
            var bytes = try transaction.get(log.databases.records, 1 as UInt64) { $0.copied } ?? []
            bytes[bytes.count - 1] ^= 1
            try transaction.put(log.databases.records, 1 as UInt64, bytes)
        }
        #expect(code { _ = try log.reader.record(at: SequenceNumber(1)) } == .corruptRecord)
    }

    @Test("what LMDB says becomes an error of the log")
    func describesErrors() {
        let wrapped: [(LMDBError.Code, ChangeQueueError.Code)] = [
            (.mapFull, .queueFull), (.system(ENOSPC), .queueFull), (.alreadyOpen, .locked),
            (.invalid, .versionMismatch),
            (.readersFull, .storage),
        ]
        for (code, expected) in wrapped {
            #expect(ChangeQueueError(LMDBError(code, operation: "x"), during: "append").code == expected)
        }
    }
}
