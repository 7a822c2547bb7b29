import SluiceCore

/// Reading a request target (RFC 9112, section 3.2) without Foundation.
enum RequestTarget {
    /// The path of a target in origin form or absolute form, without the query.
    static func path(of target: UnsafeBufferPointer<UInt8>) -> Slice<UnsafeBufferPointer<UInt8>> {
        var path = target[...]
        if path.first != UInt8(ascii: "/") {
            // Absolute form, "http://host/path": what a proxy sends.
            guard let colon = path.firstIndex(of: UInt8(ascii: ":")), path[colon...].starts(with: "://".utf8) else {
                return path
            }
            guard let slash = path[(colon + 3)...].firstIndex(of: UInt8(ascii: "/")) else {
                return path[path.endIndex...]
            }
            path = path[slash...]
        }
        return path.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    }

    /// The host and port of a target in absolute form; nil for the usual target, a path.
    static func authority(of target: String) -> String? {
        guard target.utf8.first != UInt8(ascii: "/"), let colon = target.utf8.firstIndex(of: UInt8(ascii: ":")),
            target.utf8[colon...].starts(with: "://".utf8)
        else { return nil }
        let ends = "/?#".utf8
        let authority = target.utf8[target.utf8.index(colon, offsetBy: 3)...].prefix { !ends.contains($0) }
        return String(decoding: authority, as: UTF8.self)
    }

    /// The query of a target, without the question mark; nil when there is none.
    static func query(of target: String) -> ByteString? {
        target.utf8.firstIndex(of: UInt8(ascii: "?")).map { mark in
            ByteString(decoding: target.utf8[mark...].dropFirst().prefix { $0 != UInt8(ascii: "#") })
        }
    }

    /// The items of a target's query in their order, decoded as HTML forms encode them.
    ///
    /// What isn't UTF-8 becomes U+FFFD.
    static func queryItems(of target: String) -> [(name: String, value: String)] {
        guard let query = query(of: target) else { return [] }
        return query.utf8.split(separator: UInt8(ascii: "&")).map { item in
            let parts = item.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            return (formDecoded(parts[0]), parts.count > 1 ? formDecoded(parts[1]) : "")
        }
    }

    private static func formDecoded(_ text: some Collection<UInt8>) -> String {
        guard text.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
            return String(decoding: text, as: UTF8.self)
        }
        let bytes = Array(text)
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = digit(bytes[index + 1]),
                let low = digit(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index] == UInt8(ascii: "+") ? 0x20 : bytes[index])
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    /// The topic that a part of a path names, percent-decoded.
    /// - Throws: `InvalidTopic`, also for a percent sign without two hexadecimal digits and for bytes that aren't
    ///   UTF-8.
    static func topic(_ encoded: some Collection<UInt8>) throws(APIError) -> Topic {
        // The usual topic has nothing to decode, and nothing that may be a replacement character (see `decode`).
        if !encoded.contains(where: { $0 == UInt8(ascii: "%") || $0 == replacementCharacter[0] }) {
            return try Topic(asked: encoded)
        }
        return try Topic(asked: try decode(encoded, .invalidTopic, "topic"))
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
        // The HTTP parser's String has U+FFFD where the request target wasn't UTF-8; nobody means that character in a
        // name.
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

/// How much of a query is read: each of its items is held in memory, and a webhook's back end is asked about them.
extension RequestTarget {
    /// Most items other than the topics and positions of a connect.
    static let maximumQueryItems = 64
    /// Most `topic` and `after` items.
    static let maximumTopicItems = 2 * Limits.topicsPerRequest
    /// Longest item as it is written, bytes, that carries no token: a topic with every byte percent-encoded has room.
    static let maximumQueryItemBytes = 2_048

    /// Checks a target's query before anything is made of it; empty items, as in `?&&`, are none.
    /// - Throws: `InvalidRequest`.
    static func checkQuery(of target: String) throws(APIError) {
        guard let start = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return }
        let query = target.utf8[target.utf8.index(after: start)...].prefix { $0 != UInt8(ascii: "#") }
        var items = 0
        var topicItems = 0
        var rest = query
        while !rest.isEmpty {
            let item = rest.prefix { $0 != UInt8(ascii: "&") }
            rest = rest[item.endIndex...].dropFirst()
            if item.isEmpty { continue }
            if item.starts(with: "topic=".utf8) || item.starts(with: "after=".utf8) {
                topicItems += 1
            } else {
                items += 1
            }
            guard items <= maximumQueryItems, topicItems <= maximumTopicItems else {
                throw APIError(
                    .invalidRequest,
                    """
                    The query has more than \(maximumQueryItems) items, or more than \(maximumTopicItems) of topic and after. \
                    Leave out what isn't needed.
                    """
                )
            }
            let isToken = ConnectRequest.tokenQueryNames.contains { item.starts(with: "\($0)=".utf8) }
            guard isToken || item.count <= maximumQueryItemBytes else {
                throw APIError(
                    .invalidRequest,
                    "An item of the query has \(item.count) bytes and the limit is \(maximumQueryItemBytes)."
                )
            }
        }
    }
}
