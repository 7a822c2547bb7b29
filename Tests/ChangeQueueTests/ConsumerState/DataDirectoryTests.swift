import Foundation
import LMDB
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

/// A data directory that an earlier build has written, unpacked for one test.
///
/// Fixtures/make_data_directory.py says what is in it: 29 records of version 1; after records 14, 19 and 24 a publisher of `sqs`, `sns` and
/// `stream` was killed with the next five in flight.
final class StoredDataDirectory {
    private let scratch = ScratchDirectory()
    let log: ChangeLog
    let run: RunDirectory
    let messages = LogMessages()

    var directory: String { scratch.path }

    var consumers: String { directory + "/consumers" }

    init(_ name: String) throws {
        let archive = try #require(Bundle.module.path(forResource: "Fixtures/" + name, ofType: "tar.gz"))
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tar.arguments = ["tar", "-xzf", archive, "-C", scratch.path]
        try tar.run()
        tar.waitUntilExit()
        try #require(tar.terminationStatus == 0)
        var configuration = ChangeLogConfiguration(directory: scratch.path + "/log")
        configuration.mapSizeBytes = 2 << 20
        configuration.retentionAge = .seconds(3600 * 24 * 365 * 100)
        log = try ChangeLog.open(configuration)
        run = try RunDirectory(data: scratch.path)
    }

    /// Opens the consumer state as in the boot that it was written in, or as in a later one.
    func openStore(isLaterBoot: Bool = false) throws -> ConsumerStore {
        let mark = try #require(BootMark.read(in: consumers))
        return try ConsumerStore.open(
            consumers,
            logID: log.logID,
            mapSizeBytes: 16 << 20,
            bootID: isLaterBoot ? "a later one" : mark.bootID,
            logger: messages.logger
        )
    }

    func open(_ semantics: QueueSemantics, _ store: ConsumerStore) throws -> any ChangeQueue {
        try ChangeQueues.open(
            semantics.queueID,
            semantics.attributes,
            log: log,
            store: store,
            run: run,
            logger: messages.logger
        )
    }
}

@Suite("A data directory of an earlier build")
struct DataDirectoryTests {
    let stored: StoredDataDirectory

    init() throws { stored = try StoredDataDirectory("data-f7a16b3") }

    /// Where each consumer stood when its publisher was killed.
    private static func position(_ semantics: QueueSemantics) -> UInt64 {
        switch semantics {
        case .sqs: 14
        case .sns: 19
        case .stream: 24
        }
    }

    @Test("its records are read, with everything that they carry")
    func readsRecords() throws {
        let reader = stored.log.reader
        let records = try (1...29).compactMap { try reader.record(at: SequenceNumber(UInt64($0))) }
        #expect(records.map(\.sequence.rawValue) == Array(1...29))
        for sequence in records.map(\.sequence) { #expect(try reader.encodedRecord(at: sequence)?.bytes.first == 1) }
        #expect(records[0].topic.name == "plain/0" && records[0].payload == Array(#"{"number":0}"#.utf8))
        #expect(records[3].previous == SequenceNumber(1))
        #expect(
            records[8].contentType.value == "text/plain; charset=utf-8" && records[8].payload == Array("Größe".utf8)
        )
        #expect(records[9].contentType == .binary && records[9].payload == Array(0...255))
        #expect(
            records[10...13].map(\.attributes) == [
                RecordAttributes(operation: .insert, table: "orders", itemKey: "42"),
                RecordAttributes(operation: .modify, table: "orders", itemKey: "42"),
                RecordAttributes(operation: .insert, table: "orders", itemKey: "43"),
                RecordAttributes(operation: .remove, table: "orders", itemKey: "43"),
            ]
        )
        #expect(records[0].attributes == .none)
        #expect(try reader.item(table: "orders", key: "42")?.value == Array(#"{"state":"paid"}"#.utf8))
        #expect(try reader.item(table: "orders", key: "43") == nil)
    }

    @Test("appends go on in its sequence and its chains")
    func appends() async throws {
        let writer = LogWriter(log: stored.log)
        defer { writer.shutdown() }
        let appended = try await writer.append([draft("kept/1"), draft("plain/0")])
        #expect(appended.map(\.sequence.rawValue) == [30, 31])
        #expect(appended.map(\.previous.rawValue) == [29, 7])
        let queue = try stored.open(.sqs, try stored.openStore())
        #expect(try queue.take().sequences == Array(15...31))
    }

    @Test("its leases are found: ranges, receive counts and visibility")
    func readsLeases() throws {
        let store = try stored.openStore()
        for queue in [QueueID.sqs, .sns] {
            let storage = try store.leaseStorage(queue)
            let state = try #require(try store.environment.read { try storage.load($0) })
            let first = DataDirectoryTests.position(queue == .sqs ? .sqs : .sns) + 1
            #expect(state.cursor == first + 4)
            #expect(state.leases.leases.map(\.range) == [SequenceRange(first, first + 4)])
            let lease = try #require(state.leases.leases.first)
            #expect(lease.receiveCount == 1 && lease.receive != 0 && lease.owner != .none)
            let record = try #require(try stored.log.reader.record(at: SequenceNumber(first)))
            // The visibility timeout was an hour.
            #expect(lease.visibleAt > record.acceptedAtWallNanoseconds + 3_599_000_000_000)
        }
    }

    @Test("each consumer goes on where it was: what was in flight comes again", arguments: QueueSemantics.allCases)
    func goesOn(semantics: QueueSemantics) throws {
        let position = DataDirectoryTests.position(semantics)
        let queue = try stored.open(semantics, try stored.openStore())
        #expect(try queue.figures() == [29 - position, 0, 0])
        let received = try queue.take()
        #expect(received.sequences == Array(position + 1...29))
        #expect(received.map(\.receiveCount) == received.indices.map { $0 < 5 ? 2 : 1 })
        try queue.retire(received)
        #expect(try queue.figures() == [0, 0, 0])
        #expect(!stored.messages.all.contains { $0.hasPrefix("warning") })
    }

    @Test("after a crash of the machine each goes on at its checkpoint", arguments: QueueSemantics.allCases)
    func goesOnAtCheckpoint(semantics: QueueSemantics) throws {
        let queue = try stored.open(semantics, try stored.openStore(isLaterBoot: true))
        let received = try queue.take()
        #expect(received.sequences == Array(DataDirectoryTests.position(semantics) + 1...29))
        #expect(received.allSatisfy { $0.receiveCount == 1 })
    }

    @Test("it can be looked at without being changed", arguments: QueueSemantics.allCases)
    func inspects(semantics: QueueSemantics) throws {
        try BootMark(bootID: BootMark.currentBootID(), isClean: false).write(in: stored.consumers)
        let inspector = QueueInspector(
            log: stored.log,
            directory: stored.consumers,
            run: stored.run,
            queue: semantics.queueID,
            kind: semantics.attributes.kind
        )
        let peeked = try inspector.peek(count: 6, nowNanoseconds: wall())
        #expect(peeked.map(\.receiveCount) == (semantics == .stream ? [1, 1, 1, 1, 1] : [1, 1, 1, 1, 1, 0]))
        #expect(try inspector.depth(nowNanoseconds: wall()).visible == 29 - DataDirectoryTests.position(semantics))
    }
}
