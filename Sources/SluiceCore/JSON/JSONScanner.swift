/// Walks over JSON text and checks its grammar (RFC 8259) without building anything: a publish is checked once and then spliced.
///
/// It doesn't check UTF-8; ``JSONText/isUTF8(_:)`` does that faster for the whole text.
struct JSONScanner {
    private let bytes: UnsafeRawBufferPointer
    private(set) var index = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The byte at the scanner, or nil at the end.
    var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// One value with white space around it and nothing else.
    mutating func scanWholeText() -> Bool {
        skipWhitespace()
        guard scanValue(depth: 0) else { return false }
        skipWhitespace()
        return index == bytes.count
    }

    /// Moves over spaces, tabs and line ends.
    mutating func skipWhitespace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            default: return
            }
        }
    }

    /// Moves over `byte` if it is next.
    mutating func skip(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        index += 1
        return true
    }

    /// Moves over one value of any kind.
    mutating func scanValue(depth: Int) -> Bool {
        guard depth <= Limits.jsonDepth, let byte = current else { return false }
        switch byte {
        case UInt8(ascii: "{"): return scanObject(depth: depth)
        case UInt8(ascii: "["): return scanArray(depth: depth)
        case UInt8(ascii: "\""): return scanString()
        case UInt8(ascii: "t"): return scanLiteral("true")
        case UInt8(ascii: "f"): return scanLiteral("false")
        case UInt8(ascii: "n"): return scanLiteral("null")
        default: return scanNumber()
        }
    }

    /// Moves over a string, quotes included.
    mutating func scanString() -> Bool {
        guard skip(UInt8(ascii: "\"")) else { return false }
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "\"") { return true }
            if byte < 0x20 { return false }
            if byte == UInt8(ascii: "\\"), !scanEscape() { return false }
        }
        return false
    }

    private mutating func scanEscape() -> Bool {
        guard let byte = current else { return false }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return true
        case UInt8(ascii: "u"):
            guard bytes.count - index >= 4 else { return false }
            for offset in 0..<4 where !isHexadecimal(bytes[index + offset]) { return false }
            index += 4
            return true
        default:
            return false
        }
    }

    private mutating func scanObject(depth: Int) -> Bool {
        index += 1
        skipWhitespace()
        if skip(UInt8(ascii: "}")) { return true }
        while true {
            guard scanString() else { return false }
            skipWhitespace()
            guard skip(UInt8(ascii: ":")) else { return false }
            skipWhitespace()
            guard scanValue(depth: depth + 1) else { return false }
            skipWhitespace()
            if skip(UInt8(ascii: "}")) { return true }
            guard skip(UInt8(ascii: ",")) else { return false }
            skipWhitespace()
        }
    }

    private mutating func scanArray(depth: Int) -> Bool {
        index += 1
        skipWhitespace()
        if skip(UInt8(ascii: "]")) { return true }
        while true {
            guard scanValue(depth: depth + 1) else { return false }
            skipWhitespace()
            if skip(UInt8(ascii: "]")) { return true }
            guard skip(UInt8(ascii: ",")) else { return false }
            skipWhitespace()
        }
    }

    private mutating func scanLiteral(_ literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard bytes.count - index >= count else { return false }
        for offset in 0..<count where bytes[index + offset] != literal.utf8Start[offset] { return false }
        index += count
        return true
    }

    private mutating func scanNumber() -> Bool {
        _ = skip(UInt8(ascii: "-"))
        if !skip(UInt8(ascii: "0")) {
            guard scanDigits() else { return false }
        }
        if skip(UInt8(ascii: ".")), !scanDigits() { return false }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            index += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { index += 1 }
            return scanDigits()
        }
        return true
    }

    private mutating func scanDigits() -> Bool {
        let start = index
        while let byte = current, (0x30...0x39).contains(byte) { index += 1 }
        return index > start
    }

    private func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }
}
