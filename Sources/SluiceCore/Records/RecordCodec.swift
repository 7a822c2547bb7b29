/// The bytes of a change record, in the log and on the delivery link: a head of fixed size and the variable parts
/// (`RecordLayout`).
///
/// Version 1 is what a record without tagged attributes is written in, version 2 what one with them is; both are read, for ever. The version
/// byte is checked before anything else, the CRC-32C over everything but itself when a record is decoded.
package enum RecordCodec {
    /// The versions that are read; the lowest that holds the record is written.
    package static var versions: ClosedRange<UInt8> { 1...2 }

    // MARK: Encoding

    /// Bytes that `record` takes when it is encoded.
    package static func byteCount(of record: ChangeRecord) -> Int { RecordLayout(record).byteCount }

    /// Appends the encoded record.
    ///
    /// Parts longer than the layout holds (see `docs/storage.md`) are cut; the log writer refuses such records.
    package static func encode(_ record: ChangeRecord, into output: inout [UInt8]) {
        let byteCount = byteCount(of: record)
        let encoded = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
            encode(record, into: UnsafeMutableRawBufferPointer(buffer))
            initializedCount = byteCount
        }
        if output.isEmpty { output = encoded } else { output.append(contentsOf: encoded) }
    }

    /// Encodes into memory of exactly ``byteCount(of:)`` bytes, such as the space that the log's map has reserved.
    package static func encode(_ record: ChangeRecord, into output: UnsafeMutableRawBufferPointer) {
        let layout = RecordLayout(record)
        guard output.count == layout.byteCount else { return }
        writeHead(of: record, layout, to: output)
        let attributes = record.attributes
        var writer = PartWriter(output: output, offset: RecordLayout.headByteCount)
        writer.write(record.topic.name, layout.topicByteCount)
        writer.write(record.contentType.value, layout.contentTypeByteCount)
        if layout.flags != 0 {
            writer.write(attributes.table ?? "", layout.tableByteCount)
            writer.write(attributes.itemKey ?? "", layout.itemKeyByteCount)
        }
        if layout.furtherByteCount != 0 { writer.write(attributes.tagged, layout.furtherByteCount) }
        record.payload.withUnsafeBytes { writer.write($0, layout.payloadByteCount) }
        let checksum = CRC32C.checksum(of: UnsafeRawBufferPointer(output), storedAt: RecordLayout.checksumOffset)
        output.storeBytes(of: checksum.littleEndian, toByteOffset: RecordLayout.checksumOffset, as: UInt32.self)
    }

    private static func writeHead(
        of record: ChangeRecord,
        _ layout: RecordLayout,
        to output: UnsafeMutableRawBufferPointer
    ) {
        output[0] = layout.version
        output[1] = layout.flags
        output[2] = layout.operation
        output[3] = 0
        output.storeBytes(of: record.sequence.rawValue.littleEndian, toByteOffset: 8, as: UInt64.self)
        output.storeBytes(of: record.previous.rawValue.littleEndian, toByteOffset: 16, as: UInt64.self)
        output.storeBytes(of: record.acceptedAtNanoseconds.littleEndian, toByteOffset: 24, as: UInt64.self)
        output.storeBytes(of: record.acceptedAtWallNanoseconds.littleEndian, toByteOffset: 32, as: UInt64.self)
        output.storeBytes(of: UInt32(layout.payloadByteCount).littleEndian, toByteOffset: 40, as: UInt32.self)
        output.storeBytes(of: UInt16(layout.topicByteCount).littleEndian, toByteOffset: 44, as: UInt16.self)
        output[46] = UInt8(layout.contentTypeByteCount)
        output[47] = UInt8(layout.tableByteCount)
        output[48] = UInt8(layout.itemKeyByteCount)
        output[49] = UInt8(truncatingIfNeeded: layout.furtherByteCount)
        output[50] = UInt8(truncatingIfNeeded: layout.furtherByteCount >> 8)
        output[51] = UInt8(truncatingIfNeeded: layout.furtherByteCount >> 16)
    }

    // MARK: Decoding

    /// Decodes a record and checks its checksum.
    /// - Throws: ``RecordCodecError``.
    package static func decode(_ bytes: UnsafeRawBufferPointer) throws(RecordCodecError) -> ChangeRecord {
        let layout = try RecordLayout(bytes)
        let stored = UInt32(
            littleEndian: bytes.loadUnaligned(fromByteOffset: RecordLayout.checksumOffset, as: UInt32.self)
        )
        let computed = CRC32C.checksum(of: bytes, storedAt: RecordLayout.checksumOffset)
        guard stored == computed else { throw .checksumMismatch(stored: stored, computed: computed) }
        guard layout.flags & ~layout.knownFlags == 0 else { throw .invalidPart("flags") }
        var reader = PartReader(bytes: bytes, offset: RecordLayout.headByteCount)
        let topic = Topic(alreadyChecked: try reader.text(layout.topicByteCount, "topic"))
        let contentType = try reader.contentType(layout.contentTypeByteCount)
        var attributes = RecordAttributes(operation: try RecordLayout.operation(for: layout.operation))
        if layout.flags != 0 || layout.version != 1 { try readAttributes(&attributes, layout, from: &reader) }
        return ChangeRecord(
            sequence: sequence(of: bytes),
            previous: previous(of: bytes),
            topic: topic,
            payload: reader.bytes(layout.payloadByteCount),
            contentType: contentType,
            attributes: attributes,
            acceptedAtNanoseconds: integer(of: bytes, at: 24),
            acceptedAtWallNanoseconds: integer(of: bytes, at: 32)
        )
    }

    /// Decodes a record and checks its checksum.
    /// - Throws: ``RecordCodecError``.
    package static func decode(_ bytes: [UInt8]) throws(RecordCodecError) -> ChangeRecord {
        // A closure would lose the error's type, so the result crosses it as a value.
        try bytes.withUnsafeBytes { bytes -> Result<ChangeRecord, RecordCodecError> in
            do throws(RecordCodecError) { return .success(try decode(bytes)) } catch { return .failure(error) }
        }.get()
    }

    /// Reads the head and the topic; neither copies the payload nor checks the checksum.
    /// - Throws: ``RecordCodecError`` when the bytes don't begin like a record or their number is wrong.
    package static func peek(_ bytes: UnsafeRawBufferPointer) throws(RecordCodecError) -> RecordHeader {
        let layout = try RecordLayout(bytes)
        var reader = PartReader(bytes: bytes, offset: RecordLayout.headByteCount)
        return RecordHeader(
            sequence: sequence(of: bytes),
            previous: previous(of: bytes),
            topic: Topic(alreadyChecked: try reader.text(layout.topicByteCount, "topic")),
            acceptedAtNanoseconds: integer(of: bytes, at: 24),
            acceptedAtWallNanoseconds: integer(of: bytes, at: 32),
            payloadByteCount: layout.payloadByteCount
        )
    }

    /// Reads only the chain's link: the cheapest way to walk a topic's history.
    /// - Throws: ``RecordCodecError`` as ``peek(_:)``.
    package static func peekPrevious(_ bytes: UnsafeRawBufferPointer) throws(RecordCodecError) -> SequenceNumber {
        _ = try RecordLayout(bytes)
        return previous(of: bytes)
    }

    /// Reads only when the record was accepted, wall clock, nanoseconds since 1970.
    /// - Throws: ``RecordCodecError`` as ``peek(_:)``.
    package static func peekAcceptedAtWall(_ bytes: UnsafeRawBufferPointer) throws(RecordCodecError) -> UInt64 {
        _ = try RecordLayout(bytes)
        return integer(of: bytes, at: 32)
    }

    private static func readAttributes(
        _ attributes: inout RecordAttributes,
        _ layout: RecordLayout,
        from reader: inout PartReader
    ) throws(RecordCodecError) {
        let table = try reader.text(layout.tableByteCount, "table")
        let itemKey = try reader.text(layout.itemKeyByteCount, "item key")
        if layout.flags & RecordLayout.hasTable != 0 { attributes.table = table }
        if layout.flags & RecordLayout.hasItemKey != 0 { attributes.itemKey = itemKey }
        if layout.version == 1 {
            // A deduplication id and a message group id, which no software has ever set.
            reader.skip(layout.furtherByteCount)
        } else {
            attributes.tagged = try reader.attributes(layout.furtherByteCount)
        }
    }

    private static func sequence(of bytes: UnsafeRawBufferPointer) -> SequenceNumber {
        SequenceNumber(integer(of: bytes, at: 8))
    }

    private static func previous(of bytes: UnsafeRawBufferPointer) -> SequenceNumber {
        SequenceNumber(integer(of: bytes, at: 16))
    }

    private static func integer(of bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

/// Why bytes aren't an encoded record.
package enum RecordCodecError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There are fewer bytes than the encoding says.
    case truncated(byteCount: Int, neededByteCount: Int)
    /// There are more bytes than the encoding says.
    case trailingBytes(byteCount: Int, neededByteCount: Int)
    /// The version byte isn't one that this software reads.
    case unsupportedVersion(UInt8)
    /// The bytes were changed after they were encoded.
    case checksumMismatch(stored: UInt32, computed: UInt32)
    /// A part isn't what it must be, though the checksum is right: written by faulty software.
    case invalidPart(String)

    /// What was wrong, with the values.
    package var description: String {
        switch self {
        case .truncated(let count, let needed): "the encoded record has \(count) bytes and needs \(needed)"
        case .trailingBytes(let count, let needed): "the encoded record has \(count) bytes and ends after \(needed)"
        case .unsupportedVersion(let version):
            """
            the record has encoding version \(version) and this software reads \(RecordCodec.versions.lowerBound) \
            to \(RecordCodec.versions.upperBound)
            """
        case .checksumMismatch(let stored, let computed):
            "the record's checksum is \(String(computed, radix: 16)), the stored one \(String(stored, radix: 16))"
        case .invalidPart(let part): "the record's \(part) is not valid"
        }
    }
}
