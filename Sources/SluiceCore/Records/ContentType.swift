/// A payload's media type and how it travels in a JSON envelope.
public struct ContentType: Hashable, Sendable, CustomStringConvertible {
    /// How a payload of this type is embedded in an event.
    public enum Embedding: Sendable {
        /// As the JSON value that it is: its bytes are spliced in.
        case json
        /// As a JSON string.
        case text
        /// As base64 in a JSON string, or raw in a binary frame.
        case binary
    }

    /// The media type as the publisher wrote it, parameters included (RFC 9110, section 8.3).
    public let value: String
    /// How it is embedded; derived once, since the fan-out asks for each record.
    public let embedding: Embedding

    /// Classifies a media type: `application/json` and `+json` are JSON; `text/*`, XML, JavaScript and form data are text; the rest is binary.
    public init(_ value: String) {
        self.value = value
        embedding = ContentType.embedding(of: value)
    }

    /// `application/json`, what a publish without a Content-Type is taken for.
    public static let json = ContentType("application/json")
    /// `text/plain; charset=utf-8`.
    public static let text = ContentType("text/plain; charset=utf-8")
    /// `application/octet-stream`.
    public static let binary = ContentType("application/octet-stream")

    /// The media type.
    public var description: String { value }

    private static func embedding(of value: String) -> Embedding {
        // The usual ones first: this runs for each record that is read.
        let bytes = ByteString(value)
        if bytes.equals("application/json") { return .json }
        if bytes.equals("text/plain; charset=utf-8") || bytes.equals("text/plain") { return .text }
        if bytes.equals("application/octet-stream") { return .binary }
        let essence = value.utf8.prefix { $0 != UInt8(ascii: ";") }.filter { $0 != 0x20 && $0 != 0x09 }
            .map(\.lowercasedASCII)
        if essence.elementsEqual("application/json".utf8) || essence.ends(with: "+json") { return .json }
        if essence.starts(with: "text/".utf8) || essence.ends(with: "+xml") { return .text }
        switch ByteString(decoding: essence) {
        case "application/xml", "application/javascript", "application/x-www-form-urlencoded", "application/x-ndjson":
            return .text
        default:
            return .binary
        }
    }
}

extension [UInt8] {
    fileprivate func ends(with text: StaticString) -> Bool {
        text.withUTF8Buffer { suffix($0.count).elementsEqual($0) }
    }
}
