public import SluiceCore

/// What a payload must be, whichever way it was published.
public enum PayloadRules {
    /// Takes a media type over.
    /// - Throws: `InvalidRequest` when it is too long or not printable ASCII.
    public static func contentType(_ value: String?) throws(APIError) -> ContentType {
        guard let value, ByteString(value) != "application/json" else { return .json }
        guard (1...Limits.contentTypeBytes).contains(value.utf8.count),
            value.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else {
            throw APIError(
                .invalidRequest,
                "The content type '\(value.printable(limit: 40))' isn't 1 to \(Limits.contentTypeBytes) printable ASCII bytes."
            )
        }
        return ContentType(value)
    }

    /// Takes a media type over from a request's bytes.
    /// - Throws: `InvalidRequest` when it is too long or not printable ASCII.
    static func contentType(_ bytes: Slice<UnsafeRawBufferPointer>?) throws(APIError) -> ContentType {
        // The usual type without a string.
        guard let bytes, !bytes.elementsEqual("application/json".utf8) else { return .json }
        return try contentType(String(decoding: bytes, as: UTF8.self))
    }

    /// Checks that a payload is what its type says, so that it can be spliced into an event unread.
    /// - Throws: `InvalidJSON`.
    public static func check(_ payload: [UInt8], _ contentType: ContentType) throws(APIError) {
        guard contentType.embedding == .json, !payload.withUnsafeBytes({ JSONText.isValid($0) }) else { return }
        throw APIError(
            .invalidJSON,
            """
            The payload of \(payload.count) bytes is not JSON in UTF-8 (or is nested deeper than \(Limits.jsonDepth)). \
            Send JSON, or the content type that the payload has.
            """
        )
    }
}
