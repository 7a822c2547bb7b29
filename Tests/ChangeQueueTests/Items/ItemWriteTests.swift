import LMDB
import SluiceCore
import Testing

@testable import ChangeQueue

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
        ItemWrite(table: table, key: key, operation: operation, image: image) { operation throws(APIError) in
            try Topic("\(table)/\(key)/\(operation.rawValue)")
        }
    }

    private func put(_ json: String) -> ItemWrite.Operation { .put(Array(json.utf8), .json) }

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
        let patched = try await writer.write(write(.patch(Array(#"{"b":3}"#.utf8)), image: .new))
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
        let outcome = try await writer.write(write(.patch(Array(#"{"a":1,"b":null}"#.utf8)), image: .keys))
        #expect(outcome.operation == .insert)
        #expect(try payload(outcome) == #"{"operation":"INSERT","table":"orders","key":"42"}"#)
        #expect(try storedJSON() == #"{"a":1}"#)
    }

    @Test("text travels as a string, binary as base64 with its encoding named")
    func embedsOtherTypes() async throws {
        _ = try await writer.write(write(.put(Array("say \"hi\"".utf8), .text)))
        let outcome = try await writer.write(write(.put([0xFF, 0x00], .binary)))
        #expect(
            try payload(outcome)
                == #"{"operation":"MODIFY","table":"orders","key":"42","new":"/wA=","newEncoding":"base64","#
                + #""old":"say \"hi\""}"#
        )
        #expect(try log.reader.item(table: "orders", key: "42")?.contentType == .binary)
    }

    @Test("what can't be stored is refused alone, with its reason")
    func refuses() async throws {
        let forbidding = ItemWrite(table: "t", key: "k", operation: put("1")) { _ throws(APIError) in
            throw APIError(.forbidden, "no")
        }
        let client = RecordingClient()
        writer.submit(
            [
                (1, .item(write(put("{")))),
                (2, .item(write(put("1"), table: ""))),
                (3, .item(write(put("1"), key: String(repeating: "k", count: 256)))),
                (4, .item(write(.put([UInt8](repeating: 1, count: 1_001), .binary)))),
                (5, .item(write(.patch(Array("[".utf8))))),
                (6, .item(forbidding)),
                (7, .item(write(put("1")))),
            ],
            for: client
        )
        let outcomes = await client.outcomes(7)
        let codes = outcomes.map { outcome -> ChangeQueueError.Code? in
            if case .failure(let error) = outcome.result { error.code } else { nil }
        }
        let expected: [ChangeQueueError.Code?] = [
            .invalidItem, .invalidItem, .invalidItem, .payloadTooLarge, .invalidItem,
            .rejected(APIError(.forbidden, "no")), nil,
        ]
        #expect(codes == expected)
        #expect(outcomes[6].item?.appended?.sequence == SequenceNumber(1))
        _ = try await writer.write(write(.put(Array("x".utf8), .text)))
        await #expect(throws: ChangeQueueError.self) { try await writer.write(write(.patch(Array("{}".utf8)))) }
    }

    @Test("two writes of one item in one commit see each other; different tables don't")
    func sharesCommit() async throws {
        let client = RecordingClient()
        writer.submit(
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

    @Test("a stored item comes back as it was; a damaged one is reported")
    func roundTripsItems() throws {
        let item = StoredItem(value: [1, 2, 3], contentType: .binary, version: SequenceNumber(9))
        let bytes = ItemCodec.encode(item)
        let decoded = try bytes.withUnsafeBytes { try ItemCodec.decode($0) }
        #expect(decoded.value == item.value)
        #expect(decoded.contentType == item.contentType)
        #expect(decoded.version == item.version)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(throws: ChangeQueueError.self) { _ = try damaged.withUnsafeBytes { try ItemCodec.decode($0) } }
        }
    }
}
