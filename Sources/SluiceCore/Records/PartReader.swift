/// Reads the variable parts of an encoded record one after the other.
///
/// ``RecordLayout`` has checked that they are all there.
struct PartReader {
    private let source: UnsafeRawBufferPointer
    private var offset: Int

    init(bytes: UnsafeRawBufferPointer, offset: Int) {
        source = bytes
        self.offset = offset
    }

    /// - Throws: `invalidPart` when the bytes aren't UTF-8.
    mutating func text(_ byteCount: Int, _ part: String) throws(RecordCodecError) -> String {
        if byteCount == 0 { return "" }
        guard let text = String(validUTF8: next(byteCount)) else { throw .invalidPart(part) }
        return text
    }

    /// The usual media type is compared as bytes: it costs no string and no classification.
    mutating func contentType(_ byteCount: Int) throws(RecordCodecError) -> ContentType {
        if isJSON(byteCount) {
            offset += byteCount
            return .json
        }
        return ContentType(try text(byteCount, "content type"))
    }

    private func isJSON(_ byteCount: Int) -> Bool {
        let json = PartReader.json
        guard byteCount == json.utf8CodeUnitCount else { return false }
        for index in 0..<byteCount where source[offset + index] != json.utf8Start[index] { return false }
        return true
    }

    mutating func bytes(_ byteCount: Int) -> [UInt8] { Array(next(byteCount)) }

    mutating func skip(_ byteCount: Int) { offset += byteCount }

    /// Reads tagged attributes that take so many bytes together.
    /// - Throws: `invalidPart` when one of them ends elsewhere, or is text and isn't UTF-8.
    mutating func attributes(_ byteCount: Int) throws(RecordCodecError) -> [RecordAttribute] {
        var attributes: [RecordAttribute] = []
        let end = offset + byteCount
        while offset < end {
            guard end - offset >= RecordAttribute.headByteCount else { throw .invalidPart("list of attributes") }
            let tag = UInt16(littleEndian: source.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
            let type = RecordAttribute.ValueType(rawValue: source[offset + 2])
            let count = Int(UInt16(littleEndian: source.loadUnaligned(fromByteOffset: offset + 3, as: UInt16.self)))
            offset += RecordAttribute.headByteCount
            guard end - offset >= count else { throw .invalidPart("list of attributes") }
            let value = next(count)
            if type == .text, !JSONText.isUTF8(value) { throw .invalidPart("attribute \(tag)") }
            attributes.append(RecordAttribute(tag: tag, type: type, value: Array(value)))
        }
        return attributes
    }

    private mutating func next(_ byteCount: Int) -> UnsafeRawBufferPointer {
        defer { offset += byteCount }
        return UnsafeRawBufferPointer(rebasing: source[offset..<offset + byteCount])
    }

    private static let json: StaticString = "application/json"
}

/// Writes the variable parts of an encoded record one after the other.
struct PartWriter {
    private let output: UnsafeMutableRawBufferPointer
    private var offset: Int

    init(output: UnsafeMutableRawBufferPointer, offset: Int) {
        self.output = output
        self.offset = offset
    }

    mutating func write(_ text: String, _ byteCount: Int) {
        guard byteCount > 0 else { return }
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0), byteCount) }
    }

    /// Writes the attributes that take so many bytes together, from the first on.
    mutating func write(_ attributes: [RecordAttribute], _ byteCount: Int) {
        let end = offset + byteCount
        for attribute in attributes {
            guard offset < end else { return }
            output.storeBytes(of: attribute.tag.littleEndian, toByteOffset: offset, as: UInt16.self)
            output[offset + 2] = attribute.type.rawValue
            let count = UInt16(truncatingIfNeeded: attribute.value.count)
            output.storeBytes(of: count.littleEndian, toByteOffset: offset + 3, as: UInt16.self)
            offset += RecordAttribute.headByteCount
            attribute.value.withUnsafeBytes { write($0, Int(count)) }
        }
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer, _ byteCount: Int) {
        guard byteCount > 0, let source = bytes.baseAddress, let target = output.baseAddress else { return }
        (target + offset).copyMemory(from: source, byteCount: byteCount)
        offset += byteCount
    }
}
