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
