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
        let json = PartReader.json
        if byteCount == json.utf8CodeUnitCount {
            let isJSON = source[offset..<offset + byteCount].elementsEqual(
                UnsafeRawBufferPointer(start: json.utf8Start, count: json.utf8CodeUnitCount)
            )
            if isJSON {
                offset += byteCount
                return .json
            }
        }
        return ContentType(try text(byteCount, "content type"))
    }

    mutating func bytes(_ byteCount: Int) -> [UInt8] { Array(next(byteCount)) }

    private mutating func next(_ byteCount: Int) -> UnsafeRawBufferPointer {
        defer { offset += byteCount }
        return UnsafeRawBufferPointer(rebasing: source[offset..<offset + byteCount])
    }

    private static let json: StaticString = "application/json"
}
