/// Writing JSON by splicing bytes: envelopes are built around a payload that is never re-encoded (RFC 8259).
package enum JSONText {
    /// Whether `bytes` are one JSON value in UTF-8, nested at most ``Limits/jsonDepth`` deep, with nothing after it but white space.
    package static func isValid(_ bytes: some Sequence<UInt8>) -> Bool {
        bytes.withContiguousStorageIfAvailable { isValid(UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { isValid($0) }
    }

    /// Whether `bytes` are one JSON value; for callers that hold raw memory, such as a `ByteBuffer`'s.
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard isUTF8(bytes) else { return false }
        var scanner = JSONScanner(bytes)
        return scanner.scanWholeText()
    }

    /// Whether `bytes` are UTF-8 (RFC 3629).
    package static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.withMemoryRebound(to: UInt8.self) { (try? UTF8Span(validating: $0.span)) != nil }
    }

    /// Appends `utf8` as a JSON string with its quotes.
    ///
    /// Bytes that need no escape are copied as they are.
    package static func appendString(_ utf8: some Sequence<UInt8>, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        let appended: Void? = utf8.withContiguousStorageIfAvailable { appendEscaped($0, to: &output) }
        if appended == nil { Array(utf8).withUnsafeBufferPointer { appendEscaped($0, to: &output) } }
        output.append(UInt8(ascii: "\""))
    }

    /// Appends `text` as a JSON string with its quotes.
    package static func appendString(_ text: String, to output: inout [UInt8]) { appendString(text.utf8, to: &output) }

    /// The same JSON for a terminal: characters that it would obey or not show stand as `\uXXXX`, which means the same.
    ///
    /// For what a command prints. What clients are sent keeps its bytes.
    package static func printable(_ json: String) -> String {
        guard json.unicodeScalars.contains(where: \.isUnprintable) else { return json }
        var result = ""
        for scalar in json.unicodeScalars {
            if scalar.isUnprintable, scalar.value >= 0x20 {
                // In checked JSON these stand within strings only.
                for unit in scalar.utf16 {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
                }
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Appends a payload as the value of a member: JSON as it is, text as a string, binary as a base64 string.
    /// - Returns: whether base64 was used, so that the envelope says `"encoding":"base64"`. Text that isn't UTF-8 travels as base64 too.
    @discardableResult
    package static func appendPayload(_ payload: [UInt8], _ contentType: ContentType, to output: inout [UInt8]) -> Bool
    {
        if usesBase64(payload, contentType) {
            output.append(UInt8(ascii: "\""))
            Base64.append(payload, to: &output)
            output.append(UInt8(ascii: "\""))
            return true
        }
        if contentType.embedding == .json {
            output.append(contentsOf: payload)
        } else {
            appendString(payload, to: &output)
        }
        return false
    }

    /// Whether ``appendPayload(_:_:to:)`` writes base64 for this payload.
    package static func usesBase64(_ payload: [UInt8], _ contentType: ContentType) -> Bool {
        switch contentType.embedding {
        case .json: payload.isEmpty
        case .text: !payload.withUnsafeBytes { isUTF8($0) }
        case .binary: true
        }
    }

    private static func appendEscaped(_ bytes: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
        var start = 0
        for index in 0..<bytes.count {
            let byte = bytes[index]
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { continue }
            output.append(contentsOf: bytes[start..<index])
            appendEscape(of: byte, to: &output)
            start = index + 1
        }
        output.append(contentsOf: bytes[start..<bytes.count])
    }

    private static func appendEscape(of byte: UInt8, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\n"): output.append(UInt8(ascii: "n"))
        case UInt8(ascii: "\r"): output.append(UInt8(ascii: "r"))
        case UInt8(ascii: "\t"): output.append(UInt8(ascii: "t"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(byte)
        default:
            output.append(contentsOf: "u00".utf8)
            output.append(hexadecimal[Int(byte >> 4)])
            output.append(hexadecimal[Int(byte & 15)])
        }
    }

    private static let hexadecimal = Array("0123456789abcdef".utf8)
}
