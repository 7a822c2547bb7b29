/// What stands between the quotes of a checked JSON string (RFC 8259, section 7).
enum JSONString {
    /// The content with its escapes resolved; a lone surrogate becomes U+FFFD.
    static func resolved(_ content: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        content.contains(UInt8(ascii: "\\")) ? unescaped(content)[...] : content
    }

    /// Whether the content with its escapes resolved has the bytes of `name`.
    static func resolves(_ content: ArraySlice<UInt8>, to name: ByteString) -> Bool {
        if content.count == name.count { return name.withUTF8 { content.elementsEqual($0) } }
        // An escape is longer than what it stands for.
        guard content.count > name.count, content.contains(UInt8(ascii: "\\")) else { return false }
        return content.count <= longestEscape * name.count && name.withUTF8 { unescaped(content).elementsEqual($0) }
    }

    /// Whether a key with its escapes resolved is within ``Limits/jsonKeyBytes``.
    static func isKeyShort(_ content: ArraySlice<UInt8>) -> Bool {
        if content.count <= Limits.jsonKeyBytes { return true }
        guard content.count <= longestEscape * Limits.jsonKeyBytes else { return false }
        return resolved(content).count <= Limits.jsonKeyBytes
    }

    /// The key with its escapes resolved; nil when it is longer than ``Limits/jsonKeyBytes``.
    static func key(_ content: ArraySlice<UInt8>) -> ByteString? {
        isKeyShort(content) ? ByteString(decoding: resolved(content)) : nil
    }

    /// The key with its escapes resolved; nil when half of a surrogate pair is among them, which no text can hold.
    ///
    /// `\uFFFD` isn't told apart from such a half.
    static func exactKey(_ content: ArraySlice<UInt8>) -> ByteString? {
        guard content.contains(UInt8(ascii: "\\")) else { return ByteString(decoding: content) }
        let key = ByteString(decoding: unescaped(content))
        return key.string.unicodeScalars.contains("\u{FFFD}") ? nil : key
    }

    /// Bytes of `\u0041`, the longest way to write one byte.
    private static let longestEscape = 6

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
