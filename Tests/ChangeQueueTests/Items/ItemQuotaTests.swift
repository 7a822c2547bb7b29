import LMDB
import PosixSupport
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("Items' room")
struct ItemQuotaTests {
    let scratch = LogScratch()

    private func write(
        _ key: String,
        _ operation: ItemWrite.Operation,
        by principal: PrincipalID = .anonymous,
        image: ItemImage = .keys
    ) -> ItemWrite {
        ItemWrite(table: "t", key: key, operation: operation, image: image, principal: principal) {
            _ throws(TopicError) in
            try Topic("tables/t/\(key)")
        }
    }

    private func put(_ bytes: Int) -> ItemWrite.Operation {
        .put(ItemContent(alreadyChecked: [UInt8](repeating: 0x78, count: bytes), .binary))
    }

    private func code(_ body: () async throws(ChangeQueueError) -> Void) async -> ChangeQueueError.Code? {
        do throws(ChangeQueueError) {
            try await body()
            return nil
        } catch { return error.code }
    }

    private func ownedBytes(_ principal: PrincipalID, _ log: ChangeLog) throws -> Int {
        let owners = try #require(log.databases.itemOwners)
        return try log.environment.read { transaction in
            try transaction.get(owners, principal.rawValue) { Int($0.storedInteger ?? 0) } ?? 0
        }
    }

    /// What the accounts must say, by looking at every item.
    private func countedBytes(_ log: ChangeLog) throws -> [PrincipalID: Int] {
        var bytes: [PrincipalID: Int] = [:]
        try log.environment.read { transaction in
            try transaction.withCursor(log.databases.items) { cursor in
                // swift-format-ignore: ReplaceForEachWithForLoop
                try cursor.forEach { key, value in
                    let owner = try value.withUnsafeBytes { try ItemCodec.decode($0) }.owner
                    let footprint = ItemFootprint.bytes(keyBytes: key.byteCount, valueBytes: value.byteCount)
                    if let owner { bytes[owner, default: 0] += footprint }
                    return true
                }
            }
        }
        return bytes
    }

    /// Fills what there is for items with puts of ever smaller values.
    /// - Returns: the keys that were stored.
    private func fillItems(_ writer: LogWriter) async throws -> [String] {
        var keys: [String] = []
        for size in [900_000, 100_000, 10_000, 1_000, 100, 1] {
            while true {
                do throws(ChangeQueueError) {
                    _ = try await writer.write(write("k\(keys.count)", put(size)))
                    keys.append("k\(keys.count)")
                } catch {
                    guard error.code == .itemQuotaExceeded else { throw error }
                    break
                }
            }
        }
        return keys
    }

    @Test("items that take all that they may leave the records their room; what doesn't grow and removals go on")
    func keepsRecordsGoing() async throws {
        let log = try scratch.open {
            $0.mapSizeBytes = 16 << 20
            $0.retentionBytes = 4 << 20
        }
        let writer = LogWriter(log: log)
        let keys = try await fillItems(writer)
        let usage = try writer.usage()
        #expect(usage.itemsBytes <= 4 << 20)
        #expect(usage.itemsBytes > 3 << 20)
        for round in 0..<200 {
            _ = try await writer.append([draft("t\(round)", String(repeating: "1", count: 50_000))])
        }
        _ = try await writer.write(write(keys[0], put(900_000)))
        #expect(
            await code { () async throws(ChangeQueueError) in _ = try await writer.write(write("new", put(900_000))) }
                == .itemQuotaExceeded
        )
        _ = try await writer.write(write(keys[0], .delete))
        _ = try await writer.write(write("new", put(800_000)))
        for key in keys.dropFirst() {
            #expect(try await writer.write(write(key, .delete)).operation == .remove)
        }
        #expect(try writer.usage().itemsBytes < 1 << 20)
    }

    @Test(
        "when there may be no more topics, or none of the client's, removals and smaller contents are taken all the same",
        arguments: [true, false]
    )
    func freesRoomBeyondTheTopics(isTableFull: Bool) async throws {
        let log = try scratch.open {
            if isTableFull { $0.maximumTopics = 3 } else { $0.principalTopics = 3 }
        }
        let writer = LogWriter(log: log)
        let client = PrincipalID(7)
        // Each operation has topics of its own, so that every change begins one.
        func change(_ key: String, _ operation: ItemWrite.Operation) -> ItemWrite {
            ItemWrite(table: "t", key: key, operation: operation, image: .keys, principal: client) {
                operation throws(TopicError) in
                try Topic("\(operation.rawValue)/\(key)")
            }
        }
        for key in ["a", "b", "c"] { _ = try await writer.write(change(key, put(1_000))) }
        for refused in [change("d", put(1)), change("b", put(2_000)), change("b", put(1_000))] {
            let failure = await code { () async throws(ChangeQueueError) in _ = try await writer.write(refused) }
            #expect(failure == .tooManyTopics)
        }
        #expect(try await writer.write(change("b", put(10))).operation == .modify)
        for key in ["a", "b", "c"] { #expect(try await writer.write(change(key, .delete)).operation == .remove) }
    }

    @Test("in a map that records fill to the last byte, removals go on in the reserve, and retention opens it again")
    func removesFromFullMap() async throws {
        let retention = Duration.seconds(3)
        let log = try scratch.open {
            $0.mapSizeBytes = 8 << 20
            $0.retentionAge = retention
        }
        let writer = LogWriter(log: log)
        let keys = try await fillItems(writer)
        var refused = 0
        for size in [500_000, 10_000, 1] {
            while await code({ () async throws(ChangeQueueError) in
                _ = try await writer.append([draft("fill", String(repeating: "1", count: size))])
            }) == nil {}
            refused += 1
        }
        #expect(refused == 3)
        for key in keys { #expect(try await writer.write(write(key, .delete)).operation == .remove) }
        // By itself, when the records are old enough: nothing is restarted.
        let deadline = ContinuousClock.now + .seconds(30)
        var failure: ChangeQueueError.Code? = .queueFull
        while failure != nil, ContinuousClock.now < deadline {
            failure = await code { () async throws(ChangeQueueError) in _ = try await writer.append([draft("again")]) }
            await Task.yield()
        }
        #expect(failure == nil)
        _ = try await writer.write(write("again", put(100_000)))
    }

    @Test("of the requests of one commit those that there is room for are stored, with the removals")
    func storesWhatFits() async throws {
        let log = try scratch.open { $0.mapSizeBytes = 4 << 20 }
        let writer = LogWriter(log: log)
        _ = try await writer.write(write("k", put(1_000)))
        while await code({ () async throws(ChangeQueueError) in
            _ = try await writer.append([draft("fill", String(repeating: "1", count: 100_000))])
        }) == nil {}
        let client = RecordingClient()
        writer.submit(
            [
                (1, .records([draft("a", String(repeating: "1", count: 900_000))])), (2, .item(write("k", .delete))),
                (3, .item(write("big", put(900_000), image: .new))),
            ],
            for: client
        )
        let results = await client.outcomes(3).map(\.result)
        #expect(results.map { (try? $0.get()) == nil } == [true, false, true])
    }

    @Test("one principal's items are bounded, an item is on the account of who wrote it last, others go on")
    func boundsPrincipals() async throws {
        let (mallory, alice) = (PrincipalID(7), PrincipalID(8))
        let log = try scratch.open { $0.principalItemsBytes = 100_000 }
        let writer = LogWriter(log: log)
        var stored = 0
        var failure: ChangeQueueError?
        while failure == nil {
            do throws(ChangeQueueError) {
                _ = try await writer.write(write("m\(stored)", put(9_000), by: mallory))
                stored += 1
            } catch { failure = error }
        }
        #expect(failure?.refusal == .principalItems)
        #expect(failure?.message.contains(" of the 100000 bytes ") == true)
        #expect(stored == 8)
        _ = try await writer.write(write("a0", put(50_000), by: alice))
        _ = try await writer.write(write("s0", put(500_000), by: .server))
        // Alice writes one of Mallory's items: it is hers now, and he has room again.
        _ = try await writer.write(write("m0", put(9_000), by: alice))
        _ = try await writer.write(write("m8", put(9_000), by: mallory))
        #expect(
            await code { () async throws(ChangeQueueError) in
                _ = try await writer.write(write("m9", put(9_000), by: mallory))
            } == .itemQuotaExceeded
        )
        _ = try await writer.write(write("m1", .delete, by: alice))
        _ = try await writer.write(write("m9", .patch(try JSONMergePatch(Array(#"{"a":1}"#.utf8))), by: mallory))
        for (principal, bytes) in try countedBytes(log) { #expect(try ownedBytes(principal, log) == bytes) }
    }

    @Test("the accounts are what the items say after random writes and a kill", arguments: 0..<3 as Range<UInt64>)
    func accountsAreExact(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let log = try scratch.open { $0.principalItemsBytes = 60_000 }
        let writer = LogWriter(log: log)
        for _ in 0..<300 {
            let key = "k\(Int.random(in: 0..<20, using: &random))"
            let size = Int.random(in: 0..<12_000, using: &random)
            let principal = PrincipalID(UInt64.random(in: 0..<4, using: &random))
            let operation = Bool.random(using: &random) ? put(size) : .delete
            _ = await code { () async throws(ChangeQueueError) in
                _ = try await writer.write(write(key, operation, by: principal))
            }
        }
        let killed = try scratch.openAfterKill(log)
        let counted = try countedBytes(killed)
        #expect(!counted.isEmpty)
        for principal in (0..<4 as Range<UInt64>).map(PrincipalID.init) {
            #expect(try ownedBytes(principal, killed) == counted[principal] ?? 0)
        }
    }

    /// Method: a log as the version before wrote it: layout 1, items of version 1, no database of owners.
    @Test("a log of layout 1 opens, its items are read, changed and removed, and are on nobody's account before")
    func opensLayout1() async throws {
        let old = StoredItem(value: Array("1".utf8), contentType: .json, version: SequenceNumber(1), owner: nil)
        do {
            let environment = try Environment(path: makeDirectory(), mapSizeBytes: 8 << 20, maximumDatabases: 8)
            let meta = try environment.openDatabase("meta", options: .create)
            let items = try environment.openDatabase("items", options: .create)
            _ = try environment.openDatabase("heads", options: .create)
            _ = try environment.openDatabase("records", options: [.create, .integerKey])
            try environment.write { transaction in
                try transaction.put(meta, "formatVersion", 1 as UInt64)
                try transaction.put(meta, "logID", 42 as UInt64)
                try transaction.put(meta, "trimmedThrough", 3 as UInt64)
                for key in ["k", "l", "m"] {
                    try transaction.put(items, try ItemKey(table: "t", key: key).bytes, ItemCodec.encode(old))
                }
            }
        }
        do {
            let log = try ChangeLog.openReadOnly(directory: scratch.path + "/log")
            #expect(try log.reader.item(table: "t", key: "k")?.value == old.value)
        }
        let log = try scratch.open { $0.principalItemsBytes = 10_000 }
        #expect(log.logID == 42)
        let writer = LogWriter(log: log)
        let patched = try await writer.write(
            write("k", .patch(try JSONMergePatch(Array(#"{"a":1}"#.utf8))), by: PrincipalID(7))
        )
        #expect(patched.operation == .modify)
        #expect(patched.appended?.sequence == SequenceNumber(4))
        #expect(try log.reader.item(table: "t", key: "k")?.owner == PrincipalID(7))
        _ = try await writer.write(write("l", .delete, by: PrincipalID(7)))
        #expect(try log.reader.item(table: "t", key: "m")?.owner == nil)
        #expect(try countedBytes(log) == [PrincipalID(7): try ownedBytes(PrincipalID(7), log)])
        #expect(try log.environment.read { try $0.meta(.formatVersion, log.databases) } == 2)
    }

    private func makeDirectory() throws -> String {
        try Directory.make(scratch.path + "/log")
        return scratch.path + "/log"
    }
}
