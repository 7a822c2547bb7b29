import LMDB
import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("ItemWrite")
struct ItemWriteTests {
    let scratch = LogScratch()
    let log: ChangeLog
    let writer: LogWriter

    init() throws {
        log = try scratch.open { $0.maximumPayloadBytes = 1_000 }
        writer = LogWriter(log: log)
    }

    private func write(
        _ operation: ItemWrite.Operation,
        image: ItemImage = .both,
        table: String = "orders",
        key: String = "42"
    ) -> ItemWrite {
        ItemWrite(table: table, key: key, operation: operation, image: image) { operation throws(TopicError) in
            try Topic("\(table)/\(key)/\(operation.rawValue)")
        }
    }

    private func put(_ json: String) throws -> ItemWrite.Operation { .put(try ItemContent(Array(json.utf8), .json)) }

    private func patch(_ json: String) throws -> ItemWrite.Operation { .patch(try JSONMergePatch(Array(json.utf8))) }

    private func payload(_ outcome: ItemOutcome) throws -> String {
        let sequence = try #require(outcome.appended?.sequence)
        let record = try #require(try log.reader.record(at: sequence))
        return String(decoding: record.payload, as: UTF8.self)
    }

    private func storedJSON() throws -> String? {
        try log.reader.item(table: "orders", key: "42").map { String(decoding: $0.value, as: UTF8.self) }
    }

    @Test("an item is inserted, modified, patched and removed, each with its record and the images")
    func wholeLife() async throws {
        let inserted = try await writer.write(write(put(#"{"a":1}"#)))
        #expect(inserted.operation == .insert)
        #expect(try payload(inserted) == #"{"operation":"INSERT","table":"orders","key":"42","new":{"a":1}}"#)
        let modified = try await writer.write(write(put(#"{"a":2}"#)))
        #expect(modified.operation == .modify)
        #expect(
            try payload(modified) == #"{"operation":"MODIFY","table":"orders","key":"42","new":{"a":2},"old":{"a":1}}"#
        )
        let patched = try await writer.write(write(patch(#"{"b":3}"#), image: .new))
        #expect(try payload(patched) == #"{"operation":"MODIFY","table":"orders","key":"42","new":{"a":2,"b":3}}"#)
        #expect(try storedJSON() == #"{"a":2,"b":3}"#)
        #expect(try log.reader.item(table: "orders", key: "42")?.version == patched.appended?.sequence)
        let removed = try await writer.write(write(.delete, image: .old))
        #expect(removed.operation == .remove)
        #expect(try payload(removed) == #"{"operation":"REMOVE","table":"orders","key":"42","old":{"a":2,"b":3}}"#)
        #expect(try storedJSON() == nil)
        let record = try #require(try log.reader.record(at: SequenceNumber(4)))
        #expect(record.topic.name == "orders/42/REMOVE")
        #expect(record.attributes == RecordAttributes(operation: .remove, table: "orders", itemKey: "42"))
        #expect(record.contentType == .json)
    }

    @Test("deleting what isn't there stores nothing")
    func deletesMissing() async throws {
        let outcome = try await writer.write(write(.delete))
        #expect(outcome.operation == nil)
        #expect(outcome.appended == nil)
        #expect(try log.reader.lastSequence() == .none)
        #expect(try await writer.write(write(put("1"))).appended?.sequence == SequenceNumber(1))
    }

    @Test("patching what isn't there inserts it")
    func patchesMissing() async throws {
        let outcome = try await writer.write(write(patch(#"{"a":1,"b":null}"#), image: .keys))
        #expect(outcome.operation == .insert)
        #expect(try payload(outcome) == #"{"operation":"INSERT","table":"orders","key":"42"}"#)
        #expect(try storedJSON() == #"{"a":1}"#)
    }

    @Test("text travels as a string, binary as base64 with its encoding named")
    func embedsOtherTypes() async throws {
        _ = try await writer.write(write(.put(ItemContent(Array("say \"hi\"".utf8), .text))))
        let outcome = try await writer.write(write(.put(ItemContent([0xFF, 0x00], .binary))))
        #expect(
            try payload(outcome)
                == #"{"operation":"MODIFY","table":"orders","key":"42","new":"/wA=","newEncoding":"base64","#
                + #""old":"say \"hi\""}"#
        )
        #expect(try log.reader.item(table: "orders", key: "42")?.contentType == .binary)
    }

    @Test("what can't be stored is refused alone, with its reason")
    func refuses() async throws {
        let forbidding = ItemWrite(table: "t", key: "k", operation: try put("1")) { _ throws(TopicError) in
            throw TopicError(.character, "no")
        }
        let client = RecordingClient()
        try writer.submit(
            [
                (1, .item(write(put("1"), table: ""))),
                (2, .item(write(put("1"), key: String(repeating: "k", count: 256)))),
                (3, .item(write(.put(ItemContent([UInt8](repeating: 1, count: 1_001), .binary))))),
                (4, .item(forbidding)),
                (5, .item(write(put("1")))),
            ],
            for: client
        )
        let outcomes = await client.outcomes(5)
        let codes = outcomes.map { outcome -> ChangeQueueError.Code? in
            if case .failure(let error) = outcome.result { error.code } else { nil }
        }
        let expected: [ChangeQueueError.Code?] = [
            .invalidItem, .invalidItem, .payloadTooLarge, .invalidTopic, nil,
        ]
        #expect(codes == expected)
        #expect { try ItemContent(Array("{".utf8), .json) } throws: { ($0 as? ChangeQueueError)?.code == .invalidJSON }
        #expect(outcomes[4].item?.appended?.sequence == SequenceNumber(1))
        _ = try await writer.write(write(.put(ItemContent(Array("x".utf8), .text))))
        await #expect(throws: ChangeQueueError.self) { try await writer.write(write(patch("{}"))) }
    }

    @Test("two writes of one item in one commit see each other; different tables don't")
    func sharesCommit() async throws {
        let client = RecordingClient()
        try writer.submit(
            [
                (1, .item(write(put("1")))), (2, .item(write(put("2")))), (3, .item(write(.delete))),
                (4, .item(write(put("3")))),
                (5, .item(write(put("4"), table: "order", key: "s42"))),
            ],
            for: client
        )
        let operations = await client.outcomes(5).map(\.item?.operation)
        #expect(operations == [.insert, .modify, .remove, .insert, .insert])
        #expect(try storedJSON() == "3")
    }

    @Test("a large patch is worked out outside of the transaction, and a write that was made for another version fails")
    func largePatches() async throws {
        let big = #"{"a":"\#(String(repeating: "x", count: ItemChange.mergedInTransactionBytes))"}"#
        let scratch = LogScratch()
        let log = try scratch.open { _ in }
        let writer = LogWriter(log: log)
        let first = try await writer.write(write(put(big)))
        let client = RecordingClient()
        try writer.submit(
            [
                (1, .item(write(patch(#"{"b":1}"#)))),
                (2, .item(write(.replace(ItemContent([0x31], .json), ifVersion: .none)))),
            ],
            for: client
        )
        for outcome in await client.outcomes(2) {
            guard case .failure(let error) = outcome.result else {
                Issue.record("a write for another version was stored")
                continue
            }
            #expect(error.code == .itemChanged)
        }
        #expect(try log.reader.item(table: "orders", key: "42")?.version == first.appended?.sequence)
        let patched = try await writer.write(write(patch(#"{"b":1,"a":"s"}"#)))
        #expect(patched.operation == .modify)
        let item = try #require(try log.reader.item(table: "orders", key: "42"))
        #expect(String(decoding: item.value, as: UTF8.self) == #"{"a":"s","b":1}"#)
    }

    @Test("large patches of one item by several at once are all applied")
    func racingPatches() async throws {
        let scratch = LogScratch()
        let log = try scratch.open { _ in }
        let writer = LogWriter(log: log)
        let filler = String(repeating: "x", count: ItemChange.mergedInTransactionBytes)
        _ = try await writer.write(write(put(#"{"filler":"\#(filler)"}"#), image: .keys))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 {
                let write = try write(patch(#"{"n\#(number)":\#(number)}"#), image: .keys)
                group.addTask { _ = try await writer.write(write) }
            }
            try await group.waitForAll()
        }
        let item = try JSONValue(try #require(try log.reader.item(table: "orders", key: "42")).value)
        for number in 0..<4 { #expect(item[ByteString("n\(number)")]?.unsignedInteger == UInt64(number)) }
    }

    @Test(
        "a stored item comes back as it was, also one of version 1; a damaged one is reported",
        arguments: [nil, PrincipalID(.max)]
    )
    func roundTripsItems(owner: PrincipalID?) throws {
        let item = StoredItem(value: [1, 2, 3], contentType: .binary, version: SequenceNumber(9), owner: owner)
        let bytes = ItemCodec.encode(item)
        expectEqual(bytes[0], owner == nil ? 1 : 2)
        let decoded = try bytes.withUnsafeBytes { try ItemCodec.decode($0) }
        #expect(decoded.value == item.value)
        #expect(decoded.contentType == item.contentType)
        #expect(decoded.version == item.version)
        #expect(decoded.owner == owner)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(throws: ChangeQueueError.self) { _ = try damaged.withUnsafeBytes { try ItemCodec.decode($0) } }
        }
        for count in bytes.indices {
            #expect(throws: ChangeQueueError.self) {
                _ = try bytes[..<count].withUnsafeBytes { try ItemCodec.decode($0) }
            }
        }
    }

    @Test("an item that was damaged on disk fails its own requests only, and can be replaced and removed")
    func replacesDamagedItems() async throws {
        for key in ["42", "43"] { _ = try await writer.write(write(put("1"), key: key)) }
        for key in ["42", "43"] {
            let key = try ItemKey(table: "orders", key: key)
            try log.environment.write { transaction in
                var bytes = try transaction.get(log.databases.items, key.bytes) { $0.copied } ?? []
                bytes[bytes.count - 1] ^= 1
                try transaction.put(log.databases.items, key.bytes, bytes)
            }
        }
        let client = RecordingClient()
        try writer.submit(
            [(1, .item(write(try patch("{}")))), (2, .records([draft("other")]))],
            for: client
        )
        let results = await client.outcomes(2).map(\.result)
        guard case .failure(let error) = results[0] else {
            Issue.record("a damaged item was patched")
            return
        }
        #expect(error.code == .corruptRecord)
        #expect(try results[1].get().count == 1)
        #expect(try await writer.write(write(put("2"), image: .new)).operation == .modify)
        #expect(try storedJSON() == "2")
        #expect(try await writer.write(write(.delete, image: .keys, key: "43")).operation == .remove)
    }
}
