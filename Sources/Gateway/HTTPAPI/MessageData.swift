public import SluiceCore

/// The member `data` of a JSON message that publishes, turned into the payload's bytes.
public enum MessageData {
    /// The payload that `data` stands for: any JSON value for a JSON type, a string for a text type, base64 for a
    /// binary one.
    /// - Throws: `InvalidRequest` when `data` isn't what the content type wants.
    public static func payload(
        _ data: JSONValue,
        _ contentType: ContentType,
        encoding: ByteString?
    ) throws(APIError) -> [UInt8] {
        switch encoding {
        case nil: break
        case "base64":
            guard let text = data.string, let payload = Base64.decode(text.utf8) else {
                throw APIError(.invalidRequest, "The data is not a base64 string (RFC 4648, section 4, with padding).")
            }
            try PayloadRules.check(payload, contentType)
            return payload
        case let other?:
            throw APIError(
                .invalidRequest,
                "The encoding '\(other.string.printable(limit: 40))' is not known: leave it out or use 'base64'."
            )
        }
        switch contentType.embedding {
        case .json:
            return Array(data.bytes)
        case .text:
            guard let text = data.string else {
                throw APIError(.invalidRequest, "The data of the text type \(contentType) must be a JSON string.")
            }
            return Array(text.utf8)
        case .binary:
            throw APIError(
                .invalidRequest,
                "The data of the binary type \(contentType) must be base64 in a string, with \"encoding\":\"base64\"."
            )
        }
    }
}
