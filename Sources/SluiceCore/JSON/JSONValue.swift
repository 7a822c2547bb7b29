/// A value inside a checked JSON text, as a range of that text's bytes: it can be spliced elsewhere without re-encoding.
public struct JSONValue: Sendable {
    /// What kind of value it is.
    public enum Kind: Sendable {
        /// `{…}`
        case object
        /// `[…]`
        case array
        /// `"…"`
        case string
        /// A number.
        case number
        /// `true` or `false`
        case boolean
        /// `null`
        case null
    }

    private let text: [UInt8]
    /// Where the value stands in the text.
    public let range: Range<Int>

    /// Checks that `bytes` are one JSON value.
    /// - Throws: ``APIError`` with code `InvalidJSON`.
    public init(_ bytes: [UInt8]) throws(APIError) {
        guard bytes.withUnsafeBytes({ JSONText.isValid($0) }) else {
            throw APIError(
                .invalidJSON,
                "The \(bytes.count) bytes are not JSON in UTF-8, or nested deeper than \(Limits.jsonDepth)."
            )
        }
        var start = 0
        var end = bytes.count
        while start < end, bytes[start].isJSONWhitespace { start += 1 }
        while end > start, bytes[end - 1].isJSONWhitespace { end -= 1 }
        self.init(text: bytes, range: start..<end)
    }

    fileprivate init(text: [UInt8], range: Range<Int>) {
        self.text = text
        self.range = range
    }

    /// The value's own bytes, as they were written.
    public var bytes: ArraySlice<UInt8> { text[range] }

    /// What kind of value it is.
    public var kind: Kind {
        switch text[range.lowerBound] {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .boolean
        case UInt8(ascii: "n"): .null
        default: .number
        }
    }

    /// The string's content with its escapes resolved; nil when it isn't a string.
    ///
    /// A lone surrogate becomes U+FFFD.
    public var string: String? {
        guard kind == .string else { return nil }
        let content = text[range.lowerBound + 1..<range.upperBound - 1]
        guard content.contains(UInt8(ascii: "\\")) else { return String(decoding: content, as: UTF8.self) }
        return String(decoding: JSONValue.unescaped(content), as: UTF8.self)
    }

    /// `true` or `false`; nil when it is neither.
    public var boolean: Bool? { kind == .boolean ? text[range.lowerBound] == UInt8(ascii: "t") : nil }

    /// The number when it is a whole one that fits; nil otherwise.
    public var unsignedInteger: UInt64? {
        guard kind == .number else { return nil }
        return UInt64(String(decoding: bytes, as: UTF8.self))
    }

    /// The array's elements in order; nil when it isn't an array.
    public var elements: [JSONValue]? {
        guard kind == .array else { return nil }
        return text.withUnsafeBytes { whole in
            var scanner = JSONScanner(UnsafeRawBufferPointer(rebasing: whole[range]))
            var elements: [JSONValue] = []
            _ = scanner.skip(UInt8(ascii: "["))
            scanner.skipWhitespace()
            while let byte = scanner.current, byte != UInt8(ascii: "]") {
                guard let element = value(at: &scanner) else { return nil }
                elements.append(element)
                scanner.skipWhitespace()
                _ = scanner.skip(UInt8(ascii: ","))
                scanner.skipWhitespace()
            }
            return elements
        }
    }

    /// The object's members in order; nil when it isn't an object.
    public var members: [JSONMember]? {
        guard kind == .object else { return nil }
        return text.withUnsafeBytes { whole in
            var scanner = JSONScanner(UnsafeRawBufferPointer(rebasing: whole[range]))
            var members: [JSONMember] = []
            _ = scanner.skip(UInt8(ascii: "{"))
            scanner.skipWhitespace()
            while let byte = scanner.current, byte != UInt8(ascii: "}") {
                guard let key = value(at: &scanner)?.string else { return nil }
                scanner.skipWhitespace()
                _ = scanner.skip(UInt8(ascii: ":"))
                scanner.skipWhitespace()
                guard let member = value(at: &scanner) else { return nil }
                members.append(JSONMember(key: key, value: member))
                scanner.skipWhitespace()
                _ = scanner.skip(UInt8(ascii: ","))
                scanner.skipWhitespace()
            }
            return members
        }
    }

    /// The member named `key`, the last one if it stands there more than once; nil when there is none or it isn't an object.
    public subscript(key: String) -> JSONValue? { members?.last { $0.key == key }?.value }

    private func value(at scanner: inout JSONScanner) -> JSONValue? {
        let start = range.lowerBound + scanner.index
        guard scanner.scanValue(depth: 0) else { return nil }
        return JSONValue(text: text, range: start..<range.lowerBound + scanner.index)
    }

    private static func unescaped(_ content: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(content.count)
        var index = content.startIndex
        while index < content.endIndex {
            let byte = content[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < content.endIndex else {
                output.append(byte)
                continue
            }
            let escape = content[index]
            index += 1
            switch escape {
            case UInt8(ascii: "n"): output.append(0x0A)
            case UInt8(ascii: "r"): output.append(0x0D)
            case UInt8(ascii: "t"): output.append(0x09)
            case UInt8(ascii: "b"): output.append(0x08)
            case UInt8(ascii: "f"): output.append(0x0C)
            case UInt8(ascii: "u"): output.append(contentsOf: String(codeUnits(in: content, at: &index)).utf8)
            default: output.append(escape)
            }
        }
        return output
    }

    /// The character of a `\uXXXX` escape, of two when the first is a high surrogate (RFC 8259, section 7).
    private static func codeUnits(in content: ArraySlice<UInt8>, at index: inout Int) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        let first = hexadecimal(content, at: &index)
        guard (0xD800...0xDFFF).contains(first) else { return Unicode.Scalar(first) ?? replacement }
        var next = index
        guard first < 0xDC00, content.endIndex - next >= 6, content[next] == UInt8(ascii: "\\"),
            content[next + 1] == UInt8(ascii: "u")
        else { return replacement }
        next += 2
        let second = hexadecimal(content, at: &next)
        guard (0xDC00...0xDFFF).contains(second) else { return replacement }
        index = next
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? replacement
    }

    private static func hexadecimal(_ content: ArraySlice<UInt8>, at index: inout Int) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 where index < content.endIndex {
            let byte = content[index]
            value = value << 4 | UInt32(byte <= 0x39 ? byte &- 0x30 : (byte | 0x20) &- 0x57)
            index += 1
        }
        return value
    }
}

extension UInt8 {
    fileprivate var isJSONWhitespace: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
}
