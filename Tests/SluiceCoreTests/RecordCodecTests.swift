import TestSupport
import Testing

@testable import SluiceCore

@Suite("RecordCodec")
struct RecordCodecTests {
    private func record(
        topic: String = "orders/42",
        payload: [UInt8] = Array(#"{"a":1}"#.utf8),
        contentType: ContentType = .json,
        attributes: RecordAttributes = .none
    ) -> ChangeRecord {
        ChangeRecord(
            sequence: SequenceNumber(18),
            previous: SequenceNumber(17),
            topic: Topic(alreadyChecked: topic),
            payload: payload,
            contentType: contentType,
            attributes: attributes,
            acceptedAtNanoseconds: 123_456_789,
            acceptedAtWallNanoseconds: .max
        )
    }

    private func encoded(_ record: ChangeRecord) -> [UInt8] {
        var bytes: [UInt8] = []
        RecordCodec.encode(record, into: &bytes)
        return bytes
    }

    private func expectSame(_ left: ChangeRecord, _ right: ChangeRecord) {
        #expect(left.sequence == right.sequence)
        #expect(left.previous == right.previous)
        #expect(left.topic == right.topic)
        #expect(left.payload == right.payload)
        #expect(left.contentType == right.contentType)
        #expect(left.attributes == right.attributes)
        #expect(left.acceptedAtNanoseconds == right.acceptedAtNanoseconds)
        #expect(left.acceptedAtWallNanoseconds == right.acceptedAtWallNanoseconds)
    }

    @Test(
        "a record comes back as it was encoded, an empty attribute apart from an absent one",
        arguments: [
            RecordAttributes.none,
            RecordAttributes(operation: .insert, table: "t", itemKey: "k", deduplicationID: "d", messageGroupID: "g"),
            RecordAttributes(operation: .remove, table: "", messageGroupID: "ü"),
            RecordAttributes(operation: .modify, itemKey: String(repeating: "k", count: 255)),
        ]
    )
    func roundTrips(attributes: RecordAttributes) throws {
        for contentType in [ContentType.json, .text, .binary, ContentType(""), ContentType("application/json2")] {
            for payload in [[], [0], [UInt8](repeating: 7, count: 70_000)] as [[UInt8]] {
                let original = record(payload: payload, contentType: contentType, attributes: attributes)
                expectSame(try RecordCodec.decode(encoded(original)), original)
            }
        }
    }

    @Test("random records come back as they were encoded")
    func roundTripsRandomly() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("RecordCodec random records: seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let topic = String(repeating: "ä/", count: Int.random(in: 1...100, using: &random))
            let payload = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            var original = record(
                topic: topic,
                payload: payload,
                contentType: Bool.random(using: &random) ? .json : .binary
            )
            original.sequence = SequenceNumber(.random(in: 0 ... .max, using: &random))
            original.previous = SequenceNumber(.random(in: 0 ... .max, using: &random))
            original.acceptedAtNanoseconds = .random(in: 0 ... .max, using: &random)
            if Bool.random(using: &random) {
                original.attributes.operation = ChangeOperation.allCases.randomElement(using: &random)
            }
            if Bool.random(using: &random) { original.attributes.itemKey = topic.prefix(100).description }
            let bytes = encoded(original)
            #expect(bytes.count == RecordCodec.byteCount(of: original))
            expectSame(try RecordCodec.decode(bytes), original)
        }
    }

    @Test("every truncation and every appended byte is rejected")
    func rejectsWrongLengths() {
        let bytes = encoded(record(attributes: RecordAttributes(operation: .insert, table: "t", itemKey: "k")))
        for count in 0..<bytes.count {
            #expect(throws: RecordCodecError.self) { try RecordCodec.decode(Array(bytes.prefix(count))) }
            #expect(throws: RecordCodecError.self) {
                try Array(bytes.prefix(count)).withUnsafeBytes { _ = try RecordCodec.peek($0) }
            }
        }
        #expect(throws: RecordCodecError.trailingBytes(byteCount: bytes.count + 1, neededByteCount: bytes.count)) {
            try RecordCodec.decode(bytes + [0])
        }
    }

    @Test("every flipped bit is rejected")
    func rejectsFlippedBits() {
        let bytes = encoded(record(attributes: RecordAttributes(operation: .modify, table: "t", itemKey: "k")))
        for index in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << bit
                #expect(throws: RecordCodecError.self) { try RecordCodec.decode(damaged) }
            }
        }
    }

    @Test("a future version is rejected by its number, whatever else has changed")
    func rejectsFutureVersion() {
        var bytes = encoded(record())
        bytes[0] = 2
        #expect(throws: RecordCodecError.unsupportedVersion(2)) { try RecordCodec.decode(bytes) }
        #expect(throws: RecordCodecError.unsupportedVersion(2)) { try RecordCodec.decode([2]) }
        #expect(throws: RecordCodecError.unsupportedVersion(2)) {
            try bytes.withUnsafeBytes { _ = try RecordCodec.peek($0) }
        }
    }

    @Test("a peek reads the head and the topic")
    func peeks() throws {
        let bytes = encoded(record())
        let header = try bytes.withUnsafeBytes { try RecordCodec.peek($0) }
        let expected = RecordHeader(
            sequence: SequenceNumber(18),
            previous: SequenceNumber(17),
            topic: Topic(alreadyChecked: "orders/42"),
            acceptedAtNanoseconds: 123_456_789,
            acceptedAtWallNanoseconds: .max,
            payloadByteCount: 7
        )
        #expect(header == expected)
        #expect(try bytes.withUnsafeBytes { try RecordCodec.peekPrevious($0) } == SequenceNumber(17))
        #expect(try bytes.withUnsafeBytes { try RecordCodec.peekAcceptedAtWall($0) } == .max)
        let record = try bytes.withUnsafeBytes { try EncodedRecord($0) }
        #expect(record.bytes == bytes)
        #expect(record.topic.name == "orders/42")
        expectSame(try record.decoded(), self.record())
    }

    @Test("the checksum is CRC-32C: the check value and the examples of RFC 3720, appendix B.4")
    func checksums() {
        func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { CRC32C.checksum(of: $0) } }
        #expect(checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(checksum(Array(0..<32)) == 0x46DD_794E)
        #expect(checksum([]) == 0)
    }
}
