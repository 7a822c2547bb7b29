import SluiceCore

/// Reading a request target (RFC 9112, section 3.2) without Foundation.
enum RequestTarget {
    /// The path of a target in origin form or absolute form, without the query.
    static func path(of target: UnsafeBufferPointer<UInt8>) -> Slice<UnsafeBufferPointer<UInt8>> {
        var path = target[...]
        if path.first != UInt8(ascii: "/") {
            // Absolute form, "http://host/path": what a proxy sends.
            guard let colon = path.firstIndex(of: UInt8(ascii: ":")), path[colon...].starts(with: "://".utf8) else { return path }
            guard let slash = path[(colon + 3)...].firstIndex(of: UInt8(ascii: "/")) else { return path[path.endIndex...] }
            path = path[slash...]
        }
        return path.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    }

    /// The topic that a part of a path names, percent-decoded.
    /// - Throws: `InvalidTopic`, also for a percent sign without two hexadecimal digits and for bytes that aren't UTF-8.
    static func topic(_ encoded: some Sequence<UInt8>) throws(APIError) -> Topic {
        try Topic(utf8: try decode(encoded, .invalidTopic, "topic"))
    }

    /// The text that a part of a path names, percent-decoded.
    /// - Throws: `InvalidRequest` for a percent sign without two hexadecimal digits and for bytes that aren't UTF-8.
    static func text(_ encoded: some Sequence<UInt8>, name: String) throws(APIError) -> String {
        let bytes = try decode(encoded, .invalidRequest, name)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw APIError(.invalidRequest, "The \(name) in the path is not UTF-8.")
        }
        return text
    }

    private static func decode(
        _ encoded: some Sequence<UInt8>,
        _ code: APIErrorCode,
        _ name: String
    ) throws(APIError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(encoded.underestimatedCount)
        var iterator = encoded.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next().flatMap(digit), let low = iterator.next().flatMap(digit) else {
                throw APIError(code, "The \(name) in the path has a '%' without two hexadecimal digits after it.")
            }
            bytes.append(high << 4 | low)
        }
        // The HTTP parser's String has U+FFFD where the request target wasn't UTF-8; nobody means that character in a name.
        if bytes.count >= 3, contains(replacementCharacter, in: bytes) {
            throw APIError(code, "The \(name) in the path is not valid UTF-8. Percent-encode it as UTF-8.")
        }
        return bytes
    }

    private static let replacementCharacter: [UInt8] = [0xEF, 0xBF, 0xBD]

    private static func contains(_ needle: [UInt8], in bytes: [UInt8]) -> Bool {
        guard bytes.contains(needle[0]) else { return false }
        return bytes.indices.contains { bytes[$0...].starts(with: needle) }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46, 0x61...0x66: (byte | 0x20) - 0x61 + 10
        default: nil
        }
    }
}
