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
        guard let text = String(validating: next(byteCount), as: UTF8.self) else { throw .invalidPart(part) }
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

    private mutating func next(_ byteCount: Int) -> UnsafeRawBufferPointer {
        defer { offset += byteCount }
        return UnsafeRawBufferPointer(rebasing: source[offset..<offset + byteCount])
    }

    private static let json: StaticString = "application/json"
}
