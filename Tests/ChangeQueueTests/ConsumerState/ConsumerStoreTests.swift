import Foundation
import LMDB
import PosixSupport
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("ConsumerStore")
struct ConsumerStoreTests {
    let scratch: ConsumerScratch

    init() throws { scratch = try ConsumerScratch() }

    private func checkpoint(_ semantics: QueueSemantics) -> DurableCheckpoint? {
        DurableCheckpoint.read(DurableCheckpoint.path(semantics.queueID, in: scratch.consumers))
    }

    @Test(
        "after a crash of the machine the consumer goes on at the durable checkpoint",
        arguments: QueueSemantics.allCases
    )
    func recovers(semantics: QueueSemantics) async throws {
        try await scratch.append(10)
        do {
            let queue = try scratch.open(semantics, try scratch.openStore(bootID: "one"))
            try queue.retire(try queue.take(4))
            _ = try queue.heartbeat(nowNanoseconds: wall())
            try queue.retire(try queue.take(3))
        }
        #expect(checkpoint(semantics)?.retiredThrough == 4)
        let queue = try scratch.open(semantics, try scratch.openStore(bootID: "two"))
        #expect(try queue.take().sequences == Array(5...10))
        #expect(scratch.messages.all.contains { $0.hasPrefix("warning: the machine stopped while publishers ran") })
    }

    @Test("without a checkpoint it then goes on at the log's beginning")
    func recoversWithout() async throws {
        try await scratch.append(3)
        do {
            let queue = try scratch.open(.sqs, try scratch.openStore(bootID: "one"))
            try queue.retire(try queue.take())
        }
        try? FileManager.default.removeItem(atPath: DurableCheckpoint.path(.sqs, in: scratch.consumers))
        let queue = try scratch.open(.sqs, try scratch.openStore(bootID: "two"))
        #expect(try queue.take().count == 3)
    }

    @Test("after a clean shutdown another boot trusts the state", arguments: QueueSemantics.allCases)
    func trustsClean(semantics: QueueSemantics) async throws {
        try await scratch.append(10)
        do {
            let queue = try scratch.open(semantics, try scratch.openStore(bootID: "one"))
            let received = try queue.take(6)
            try queue.retire([received[0], received[1], received[3]])
            try queue.close()
        }
        #expect(BootMark.read(in: scratch.consumers) == BootMark(bootID: "one", isClean: true))
        try? FileManager.default.removeItem(atPath: DurableCheckpoint.path(semantics.queueID, in: scratch.consumers))
        let queue = try scratch.open(semantics, try scratch.openStore(bootID: "two"))
        // A stream may give out again what was retired after an open record of the same shard.
        #expect(try queue.take().sequences.filter { $0 != 4 } == [3, 5, 6, 7, 8, 9, 10])
        #expect(BootMark.read(in: scratch.consumers) == BootMark(bootID: "two", isClean: false))
        #expect(scratch.messages.all.isEmpty)
    }

    @Test("the state isn't marked as whole while someone else uses it")
    func marksLast() async throws {
        let store = try scratch.openStore(bootID: "one")
        let (first, second) = (try scratch.open(.sqs, store), try scratch.open(.sqs, store))
        try first.close()
        #expect(BootMark.read(in: scratch.consumers)?.isClean == false)
        let other = try FileLock(scratch.consumers + "/users.lock", isExclusive: false, waits: false)
        try second.close()
        #expect(BootMark.read(in: scratch.consumers)?.isClean == false)
        withExtendedLifetime(other) {}
    }

    @Test("a crash of a process alone loses nothing, whatever the checkpoint says")
    func survivesKill() async throws {
        try await scratch.append(5)
        do {
            let queue = try scratch.open(.sqs)
            try queue.retire(try queue.take())
        }
        #expect(try scratch.open(.sqs).figures() == [0, 0, 0])
    }

    @Test("state of another log is discarded with a warning, its checkpoint too", arguments: QueueSemantics.allCases)
    func discardsForeign(semantics: QueueSemantics) async throws {
        do {
            let store = try scratch.openStore(logID: scratch.log.logID ^ 1)
            try await scratch.append(5)
            let queue = try scratch.open(semantics, store)
            try queue.retire(try queue.take())
            try queue.close()
        }
        #expect(checkpoint(semantics) == DurableCheckpoint(logID: scratch.log.logID ^ 1, retiredThrough: 5))
        let queue = try scratch.open(semantics)
        #expect(try queue.take().count == 5)
        #expect(
            scratch.messages.all.contains { $0.hasPrefix("warning: consumer state belonged to another change log") }
        )
    }

    @Test("a damaged file is set aside and the state rebuilt from the checkpoint")
    func setsAside() async throws {
        try await scratch.append(5)
        do {
            let queue = try scratch.open(.sqs)
            try queue.retire(try queue.take(2))
            try queue.close()
        }
        let file = scratch.consumers + "/data.mdb"
        try Data(repeating: 7, count: 8_192).write(to: URL(fileURLWithPath: file))
        let queue = try scratch.open(.sqs)
        #expect(try queue.take().sequences == [3, 4, 5])
        #expect(FileManager.default.fileExists(atPath: file + ".damaged"))
    }

    @Test(
        "a state ahead of its log, as after a restore, goes on at the log's end with a warning",
        arguments: QueueSemantics.allCases
    )
    func followsRestoredLog(semantics: QueueSemantics) async throws {
        try await scratch.append(3)
        try FileManager.default.createDirectory(atPath: scratch.consumers, withIntermediateDirectories: true)
        try DurableCheckpoint(logID: scratch.log.logID, retiredThrough: 100)
            .write(DurableCheckpoint.path(semantics.queueID, in: scratch.consumers))
        let queue = try scratch.open(semantics)
        #expect(try queue.figures() == [0, 0, 0])
        try await scratch.append(2)
        #expect(try queue.take().sequences == [4, 5])
        #expect(scratch.messages.all.contains { $0.hasPrefix("warning: the log ends before the consumer's position") })
    }

    @Test("a newer layout is refused")
    func refusesNewer() throws {
        do {
            let store = try scratch.openStore()
            try store.environment.write { try $0.put(store.databases.meta, "formatVersion", UInt64(2)) }
        }
        #expect { try scratch.openStore() } throws: { ($0 as? ChangeQueueError)?.code == .versionMismatch }
    }

    @Test("a stream keeps the number of shards that it began with")
    func keepsShards() async throws {
        try await scratch.append(5)
        do { try scratch.open(.stream).close() }
        scratch.shards = 3
        #expect(try scratch.open(.stream).take().count == 5)
        #expect(scratch.messages.all.contains { $0.hasPrefix("info: the consumer keeps the shards that it has") })
    }

    @Test(
        "damaged bytes of a state are an error that says what to do",
        arguments: [[], [1], [1, 2, 3], [7, 999]] as [[UInt64]]
    )
    func refusesDamaged(row: [UInt64]) throws {
        let store = try scratch.openStore()
        let bytes = row.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        try store.environment.write { transaction in
            try transaction.put(store.databases.heads, "stream", bytes + [1])
            try transaction.put(store.databases.heads, "sqs", row.count < 2 ? bytes : Array(bytes.prefix(8)))
        }
        for semantics in [QueueSemantics.stream, .sqs] {
            #expect { try scratch.open(semantics, store) } throws: { error in
                let error = error as? ChangeQueueError
                return error?.code == .corruptRecord
                    && error?.message.contains("remove the directory consumers") == true
            }
        }
    }
}
