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
    /// - Throws: ``JSONError`` with code `malformed`.
    public init(_ bytes: [UInt8]) throws(JSONError) {
        guard bytes.withUnsafeBytes({ JSONText.isValid($0) }) else {
            throw JSONError(
                .malformed,
                "The \(bytes.count) bytes are not JSON in UTF-8, or nested deeper than \(Limits.jsonDepth)."
            )
        }
        self.init(alreadyChecked: bytes)
    }

    /// Wraps a text that was checked before it was stored.
    public init(alreadyChecked bytes: [UInt8]) {
        var start = 0
        var end = bytes.count
        while start < end, bytes[start].isJSONWhitespace { start += 1 }
        while end > start, bytes[end - 1].isJSONWhitespace { end -= 1 }
        self.init(text: bytes, range: start..<end)
    }

    init(text: [UInt8], range: Range<Int>) {
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
        return String(decoding: JSONString.resolved(content), as: UTF8.self)
    }

    /// The string's content with its escapes resolved, to be compared; nil when it isn't a string.
    public var byteString: ByteString? { string.map { ByteString($0) } }

    /// `true` or `false`; nil when it is neither.
    public var boolean: Bool? { kind == .boolean ? text[range.lowerBound] == UInt8(ascii: "t") : nil }

    /// The number when it is a whole one that fits; nil otherwise.
    public var unsignedInteger: UInt64? {
        guard kind == .number else { return nil }
        return UInt64(String(decoding: bytes, as: UTF8.self))
    }

    /// The array's elements in order; nil when it isn't an array.
    ///
    /// For texts of the product's own. What comes from outside is read with ``elements(upTo:)``.
    public var elements: [JSONValue]? { elements(upTo: .max - 1) }

    /// The array's first `maximum` elements and one more if there is one, so that a caller sees that there are too many without paying for
    /// all of them; nil when it isn't an array.
    public func elements(upTo maximum: Int) -> [JSONValue]? {
        guard kind == .array else { return nil }
        return text.withUnsafeBytes { whole in
            var scanner = JSONScanner(whole, at: range.lowerBound + 1)
            var elements: [JSONValue] = []
            while elements.count <= maximum, scanner.nextItem() {
                elements.append(JSONValue(text: text, range: scanner.skipCheckedValue()))
            }
            return elements
        }
    }

    /// The object's members in order; nil when it isn't an object.
    ///
    /// For texts of the product's own. What comes from outside is read with ``members(upTo:)`` or ``members(named:isUnique:)``.
    public var members: [JSONMember]? {
        guard kind == .object else { return nil }
        var members: [JSONMember] = []
        forEachMember { key, value in
            members.append(JSONMember(key: ByteString(decoding: JSONString.resolved(text[key])), value: value))
            return true
        }
        return members
    }

    /// The members of an object that came from outside, in order; nil when it isn't an object.
    /// - Throws: ``JSONError`` when there are more than `maximum` or one's key is longer than
    ///   ``Limits/jsonKeyBytes``.
    public func members(upTo maximum: Int) throws(JSONError) -> [JSONMember]? {
        guard kind == .object else { return nil }
        var members: [JSONMember] = []
        var fault: JSONError?
        forEachMember { key, value in
            guard members.count < maximum else { return note(.tooManyMembers(maximum), &fault) }
            guard let key = JSONString.key(text[key]) else { return note(.longKey, &fault) }
            members.append(JSONMember(key: key, value: value))
            return true
        }
        if let fault { throw fault }
        return members
    }

    /// The values of the members `names` of an object that came from outside, in the order of `names`; nil when it isn't an object.
    ///
    /// One pass, and nothing is made of the members that aren't asked for. Of a name that stands there twice the last one counts, unless
    /// `isUnique` asks for names that stand there once.
    /// - Throws: ``JSONError`` when there are more than ``Limits/jsonMembers``, when one's key is longer than
    ///   ``Limits/jsonKeyBytes``, or when one of `names` stands there twice and mustn't.
    public func members(named names: [ByteString], isUnique: Bool = false) throws(JSONError) -> [JSONValue?]? {
        guard kind == .object else { return nil }
        var search = JSONMemberSearch(names, isUnique: isUnique)
        forEachMember { key, value in search.visit(text[key], value.range) }
        return try search.values(in: text)
    }

    /// Checks that `bytes` are one JSON value and finds the members `names` of the object that it is, both in the same pass; nil when it
    /// isn't an object.
    ///
    /// As `JSONValue(bytes).members(named: names)`, but an object with too many members isn't read to its end.
    /// - Throws: ``JSONError``.
    public static func members(named names: [ByteString], of bytes: [UInt8]) throws(JSONError) -> [JSONValue?]? {
        var search = JSONMemberSearch(names, isUnique: false)
        let isObject = bytes.withUnsafeBytes { whole in
            guard JSONText.isUTF8(whole) else { return false }
            var scanner = JSONScanner(whole)
            return scanner.scanWholeObject { key, value in search.visit(bytes[key], value) }
        }
        if isObject { return try search.values(in: bytes) }
        // Says what is wrong, or finds that it is another value.
        _ = try JSONValue(bytes)
        return nil
    }

    /// The member named `key`, the last one if it stands there more than once; nil when there is none or it isn't an object.
    public subscript(key: ByteString) -> JSONValue? {
        guard kind == .object else { return nil }
        var found: JSONValue?
        forEachMember { name, value in
            if JSONString.resolves(text[name], to: key) { found = value }
            return true
        }
        return found
    }

    /// Calls `body` with a scanner at the value.
    func withScanner<Result>(_ body: (inout JSONScanner, _ text: [UInt8]) -> Result) -> Result {
        text.withUnsafeBytes { whole in
            var scanner = JSONScanner(whole, at: range.lowerBound)
            return body(&scanner, text)
        }
    }

    /// Calls `body` with the text that the ranges are of.
    func withText<Result>(_ body: ([UInt8]) -> Result) -> Result { body(text) }

    /// Calls `body` with each member's key, as the range between its quotes, and value, until it returns false.
    private func forEachMember(_ body: (_ key: Range<Int>, _ value: JSONValue) -> Bool) {
        text.withUnsafeBytes { whole in
            var scanner = JSONScanner(whole, at: range.lowerBound + 1)
            while scanner.nextItem() {
                let key = scanner.skipCheckedKey()
                guard body(key, JSONValue(text: text, range: scanner.skipCheckedValue())) else { return }
            }
        }
    }

    private func note(_ error: JSONError, _ fault: inout JSONError?) -> Bool {
        fault = error
        return false
    }
}

extension JSONError {
    static func tooManyMembers(_ maximum: Int) -> JSONError {
        JSONError(.tooManyMembers, "An object of the JSON has more than \(maximum) members, the limit.")
    }

    /// A key that is longer than what any key can be for.
    static var longKey: JSONError {
        JSONError(.longKey, "A key of the JSON has more than \(Limits.jsonKeyBytes) bytes, the limit.")
    }
}

extension UInt8 {
    fileprivate var isJSONWhitespace: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
}

/// One `"key": value` of a JSON object.
public struct JSONMember: Sendable {
    /// The key with its escapes resolved.
    public let key: ByteString
    /// The value, as bytes of the whole text.
    public let value: JSONValue
}

/// Finds some of an object's members while it is walked over, within the limits on objects that are interpreted.
struct JSONMemberSearch {
    private let names: [ByteString]
    private let isUnique: Bool
    private var ranges: [Range<Int>?]
    private var count = 0
    private var fault: JSONError?

    init(_ names: [ByteString], isUnique: Bool) {
        self.names = names
        self.isUnique = isUnique
        ranges = Array(repeating: nil, count: names.count)
    }

    /// Takes the next member; false when the walk is over because of it.
    mutating func visit(_ key: ArraySlice<UInt8>, _ value: Range<Int>) -> Bool {
        count += 1
        guard count <= Limits.jsonMembers else { return refuse(.tooManyMembers(Limits.jsonMembers)) }
        guard JSONString.isKeyShort(key) else { return refuse(.longKey) }
        guard let place = names.firstIndex(where: { JSONString.resolves(key, to: $0) }) else { return true }
        if isUnique, ranges[place] != nil {
            return refuse(JSONError(.duplicateMember, "The JSON's member '\(names[place])' stands there twice."))
        }
        ranges[place] = value
        return true
    }

    /// What was found, in the order of the names.
    /// - Throws: ``JSONError`` when a limit was broken.
    func values(in text: [UInt8]) throws(JSONError) -> [JSONValue?] {
        if let fault { throw fault }
        return ranges.map { $0.map { JSONValue(text: text, range: $0) } }
    }

    private mutating func refuse(_ error: JSONError) -> Bool {
        fault = error
        return false
    }
}
