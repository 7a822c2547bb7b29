/// Walks over JSON text and checks its grammar (RFC 8259) without building anything: a publish is checked once and then spliced.
///
/// It doesn't check UTF-8; ``JSONText/isUTF8(_:)`` does that faster for the whole text.
struct JSONScanner {
    private let bytes: UnsafeRawBufferPointer
    private(set) var index = 0

    init(_ bytes: UnsafeRawBufferPointer, at index: Int = 0) {
        self.bytes = bytes
        self.index = index
    }

    /// The byte at the scanner, or nil at the end.
    var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// One value with white space around it and nothing else.
    mutating func scanWholeText() -> Bool {
        skipWhitespace()
        guard scanValue(depth: 0) else { return false }
        skipWhitespace()
        return index == bytes.count
    }

    /// Checks one object with white space around it and nothing else, and calls `visit` with each of its members until that returns false: the
    /// key, as the range between its quotes, and the value.
    /// - Returns: whether the text is such an object, as far as it was looked at.
    mutating func scanWholeObject(_ visit: (_ key: Range<Int>, _ value: Range<Int>) -> Bool) -> Bool {
        skipWhitespace()
        guard skip(UInt8(ascii: "{")) else { return false }
        skipWhitespace()
        var isFirst = true
        while !skip(UInt8(ascii: "}")) {
            if !isFirst {
                guard skip(UInt8(ascii: ",")) else { return false }
                skipWhitespace()
            }
            isFirst = false
            let key = index
            guard scanString() else { return false }
            let keyEnd = index
            skipWhitespace()
            guard skip(UInt8(ascii: ":")) else { return false }
            skipWhitespace()
            let value = index
            guard scanValue(depth: 1) else { return false }
            if !visit(key + 1..<keyEnd - 1, value..<index) { return true }
            skipWhitespace()
        }
        skipWhitespace()
        return index == bytes.count
    }

    /// Moves over spaces, tabs and line ends.
    @inline(__always)
    mutating func skipWhitespace() {
        // Most often there is none.
        while index < bytes.count, bytes[index] <= 0x20 {
            switch bytes[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            default: return
            }
        }
    }

    /// Moves over `byte` if it is next.
    @inline(__always)
    mutating func skip(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
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

    /// Moves over a string of checked text.
    mutating func skipCheckedString() {
        index += 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        index += 1
    }

    /// Moves over an object or array of checked text, without recursion.
    mutating func skipCheckedContainer() {
        var depth = 0
        while index < bytes.count {
            let byte = bytes[index]
            // Brackets and braces differ in one bit.
            switch byte | 0x20 {
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 {
                    index += 1
                    return
                }
            case UInt8(ascii: "\"") where byte == UInt8(ascii: "\""):
                skipCheckedString()
                continue
            default: break
            }
            index += 1
        }
    }

    /// Moves over a number, `true`, `false` or `null` of checked text.
    mutating func skipCheckedScalar() {
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x09, 0x0A, 0x0D: return
            default: index += 1
            }
        }
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
            if scanSmallElement() { continue }
            guard scanValue(depth: depth + 1) else { return false }
            skipWhitespace()
            if skip(UInt8(ascii: "]")) { return true }
            guard skip(UInt8(ascii: ",")) else { return false }
            skipWhitespace()
        }
    }

    /// Moves over a whole number and its comma in one go: two bytes an element would otherwise be the dearest text there is.
    @inline(__always)
    private mutating func scanSmallElement() -> Bool {
        var end = index
        while end < bytes.count, (0x30...0x39).contains(bytes[end]) { end += 1 }
        guard end > index, end < bytes.count, bytes[end] == UInt8(ascii: ",") else { return false }
        guard bytes[index] != 0x30 || end == index + 1 else { return false }
        index = end + 1
        skipWhitespace()
        return true
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
        // The usual number is a whole one.
        guard index < bytes.count, bytes[index] == UInt8(ascii: ".") || bytes[index] | 0x20 == UInt8(ascii: "e") else {
            return true
        }
        if skip(UInt8(ascii: ".")), !scanDigits() { return false }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            index += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { index += 1 }
            return scanDigits()
        }
        return true
    }

    @inline(__always)
    private mutating func scanDigits() -> Bool {
        let start = index
        while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
        return index > start
    }

    private func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }
}

/// Walking over text that was checked already, which takes no second look at its grammar.
extension JSONScanner {
    /// Moves to an object's or array's next key or element, from behind its opening bracket or behind a value; false at its closing bracket.
    mutating func nextItem() -> Bool {
        skipWhitespace()
        if skip(UInt8(ascii: ",")) { skipWhitespace() }
        return current != UInt8(ascii: "}") && current != UInt8(ascii: "]") && current != nil
    }

    /// Moves over a key and its colon to the value; the range is what stands between the key's quotes.
    mutating func skipCheckedKey() -> Range<Int> {
        let start = index + 1
        skipCheckedString()
        let key = start..<max(start, index - 1)
        skipWhitespace()
        _ = skip(UInt8(ascii: ":"))
        skipWhitespace()
        return key
    }

    /// Moves over one value, whose range is returned.
    mutating func skipCheckedValue() -> Range<Int> {
        let start = index
        switch current {
        case UInt8(ascii: "\""): skipCheckedString()
        case UInt8(ascii: "{"), UInt8(ascii: "["): skipCheckedContainer()
        default: skipCheckedScalar()
        }
        return start..<index
    }
}
