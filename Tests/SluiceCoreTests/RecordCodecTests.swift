import TestSupport
import Testing

@testable import SluiceCore

@Suite("RecordCodec")
struct RecordCodecTests {
    static let tagged = [
        RecordAttribute(tag: 7, type: .text, value: Array("ü".utf8)),
        RecordAttribute(tag: 7, type: .bytes, value: [0xFF, 0]),
        RecordAttribute(tag: .max, type: RecordAttribute.ValueType(rawValue: 200), value: [1, 2, 3]),
    ]

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
            RecordAttributes(operation: .insert, table: "t", itemKey: "k"),
            RecordAttributes(operation: .remove, table: ""),
            RecordAttributes(table: "ü"),
            RecordAttributes(operation: .insert, table: "t", itemKey: "k", tagged: RecordCodecTests.tagged),
            RecordAttributes(tagged: [RecordAttribute(tag: 0, type: .bytes, value: [])]),
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
            if Bool.random(using: &random) { original.attributes.tagged = randomAttributes(&random) }
            let bytes = encoded(original)
            #expect(bytes.count == RecordCodec.byteCount(of: original))
            #expect(bytes[0] == (original.attributes.tagged.isEmpty ? 1 : 2))
            expectSame(try RecordCodec.decode(bytes), original)
        }
    }

    private func randomAttributes(_ random: inout SeededGenerator) -> [RecordAttribute] {
        (0..<Int.random(in: 0...20, using: &random)).map { _ in
            RecordAttribute(
                tag: .random(in: 0 ... .max, using: &random),
                type: RecordAttribute.ValueType(rawValue: .random(in: 2 ... .max, using: &random)),
                value: (0..<Int.random(in: 0...100, using: &random)).map { _ in .random(in: 0 ... .max, using: &random)
                }
            )
        }
    }

    private func bytes(hex: String) -> [UInt8] {
        let digits = hex.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// `bytes` with the checksum that belongs to them, as faulty software would write them.
    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        let checksum = (bytes[..<4] + bytes[8...]).withUnsafeBytes { CRC32C.checksum(of: $0) }
        return bytes[..<4] + (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * $0)) } + bytes[8...]
    }

    @Test("records of version 1 are read for ever, and one without tagged attributes is still written in it")
    func readsVersion1() throws {
        // Written by another program from the description in docs/storage.md.
        let plain = bytes(
            hex: """
                01000000debdb52c1200000000000000110000000000000015cd5b0700000000ffffffffffffffff07000000090010000000
                00006f72646572732f34326170706c69636174696f6e2f6a736f6e7b2261223a317d
                """
        )
        expectSame(try RecordCodec.decode(plain), record())
        #expect(encoded(record()) == plain)
        // With a deduplication id and a message group id, which are passed over.
        let full = bytes(
            hex: """
                010f0200e8c7572800000000000100000300000000000000050000000000000006000000000000000100000001000a030004
                050074746578742f706c61696e74616264c3bc7067726f757078
                """
        )
        let decoded = try RecordCodec.decode(full)
        #expect(
            decoded.sequence == SequenceNumber(1 << 40) && decoded.topic.name == "t"
                && decoded.payload == Array("x".utf8)
        )
        #expect(decoded.contentType.value == "text/plain")
        #expect(decoded.attributes == RecordAttributes(operation: .modify, table: "tab", itemKey: ""))
        #expect(try full.withUnsafeBytes { try RecordCodec.peek($0) }.payloadByteCount == 1)
    }

    @Test("tagged attributes may take 64 KiB together; what is beyond is left out whole, never cut")
    func limitsTagged() throws {
        let most = Limits.taggedAttributesBytes
        let half = RecordAttribute(tag: 1, type: .bytes, value: [UInt8](repeating: 1, count: most / 2 - 5))
        let full = record(attributes: RecordAttributes(tagged: [half, half]))
        #expect(full.attributes.taggedByteCount == most)
        expectSame(try RecordCodec.decode(encoded(full)), full)
        let alone = RecordAttributes(tagged: [
            RecordAttribute(tag: 1, type: .bytes, value: [UInt8](repeating: 1, count: most - 5))
        ])
        expectSame(try RecordCodec.decode(encoded(record(attributes: alone))), record(attributes: alone))
        let more = record(
            attributes: RecordAttributes(tagged: [half, half, RecordAttribute(tag: 2, type: .bytes, value: [])])
        )
        expectSame(try RecordCodec.decode(encoded(more)), full)
    }

    @Test("attributes that end elsewhere than they say, and text that isn't UTF-8, are rejected")
    func rejectsFaultyTagged() {
        let tagged = [RecordAttribute(tag: 7, type: .text, value: Array("abc".utf8))]
        let bytes = encoded(record(attributes: RecordAttributes(tagged: tagged)))
        let start = bytes.count - 7 - 8
        #expect(Array(bytes[start..<start + 8]) == [7, 0, 1, 3, 0] + Array("abc".utf8))
        for (offset, value, part) in [
            (start + 3, 4, "list of attributes"), (start + 3, 2, "list of attributes"),
            (start + 4, 1, "list of attributes"),
            (start + 6, 0xFF, "attribute 7"), (1, 4, "flags"),
        ] as [(Int, UInt8, String)] {
            var faulty = bytes
            faulty[offset] = value
            #expect(throws: RecordCodecError.invalidPart(part)) { try RecordCodec.decode(sealed(faulty)) }
        }
        #expect(throws: Never.self) { try RecordCodec.decode(sealed(bytes)) }
    }

    @Test("every truncation and every appended byte is rejected", arguments: [[], RecordCodecTests.tagged])
    func rejectsWrongLengths(tagged: [RecordAttribute]) {
        let attributes = RecordAttributes(operation: .insert, table: "t", itemKey: "k", tagged: tagged)
        let bytes = encoded(record(attributes: attributes))
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

    @Test("every flipped bit is rejected", arguments: [[], RecordCodecTests.tagged])
    func rejectsFlippedBits(tagged: [RecordAttribute]) {
        let attributes = RecordAttributes(operation: .modify, table: "t", itemKey: "k", tagged: tagged)
        let bytes = encoded(record(attributes: attributes))
        for index in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << bit
                #expect(throws: RecordCodecError.self) { try RecordCodec.decode(damaged) }
            }
        }
    }

    @Test("a future version is rejected by its number, whatever else has changed", arguments: [0, 3, 255] as [UInt8])
    func rejectsFutureVersion(version: UInt8) {
        var bytes = encoded(record())
        bytes[0] = version
        #expect(throws: RecordCodecError.unsupportedVersion(version)) { try RecordCodec.decode(bytes) }
        #expect(throws: RecordCodecError.unsupportedVersion(version)) { try RecordCodec.decode([version]) }
        #expect(throws: RecordCodecError.unsupportedVersion(version)) {
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
        // Whatever this processor has, the tables of another one say the same, also in parts.
        for count in [1, 7, 8, 9, 31, 64, 1_000] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            var byTables = CRC32C()
            bytes.withUnsafeBytes { raw in
                guard let start = raw.baseAddress else { return }
                byTables.updateByTables(start, count / 2)
                byTables.updateByTables(start + count / 2, count - count / 2)
            }
            #expect(byTables.value == checksum(bytes), "\(count) bytes")
        }
        #expect(checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(checksum(Array(0..<32)) == 0x46DD_794E)
        #expect(checksum([]) == 0)
    }
}
