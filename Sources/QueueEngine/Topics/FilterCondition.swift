import SluiceCore

/// One condition of a filter policy on one value.
indirect enum FilterCondition: Sendable {
    /// The value is this one.
    case equals(FilterValue)
    /// A text that begins with this.
    case prefix(ByteString)
    /// A text that ends with this.
    case suffix(ByteString)
    /// A text that is this one but for the case of its letters.
    case equalsIgnoringCase(ByteString)
    /// A text of this form.
    case wildcard(WildcardPattern)
    /// A text that is an address of this network.
    case network(AddressRange)
    /// A number within these bounds.
    case numeric([NumericBound])
    /// A value of which none of these holds.
    case anythingBut([FilterCondition])
    /// The key is there, or isn't.
    case exists(Bool)

    /// Whether it holds for a value that is there.
    func holds(for value: FilterValue) -> Bool {
        switch (self, value) {
        case (.equals(let wanted), _): wanted == value
        case (.prefix(let prefix), .string(let text)): text.hasPrefix(prefix)
        case (.suffix(let suffix), .string(let text)):
            text.count >= suffix.count && text.utf8.suffix(suffix.count).elementsEqual(suffix.utf8)
        case (.equalsIgnoringCase(let wanted), .string(let text)):
            text.equalsIgnoringASCIICase(wanted)
                || ByteString(text.string.lowercased()) == ByteString(wanted.string.lowercased())
        case (.wildcard(let pattern), .string(let text)): pattern.matches(text)
        case (.network(let range), .string(let text)): range.contains(text)
        case (.numeric(let bounds), .number(let number)): bounds.allSatisfy { $0.holds(for: number) }
        case (.anythingBut(let excluded), _): !excluded.contains { $0.holds(for: value) }
        case (.exists(let isThere), _): isThere
        default: false
        }
    }
}

/// One bound of a `numeric` condition.
struct NumericBound: Hashable, Sendable {
    /// How a number is compared; the raw values are AWS's.
    enum Comparison: String, Sendable {
        case equal = "="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    let comparison: Comparison
    let number: FilterNumber

    func holds(for value: FilterNumber) -> Bool {
        switch comparison {
        case .equal: value == number
        case .less: value < number
        case .lessOrEqual: value <= number
        case .greater: value > number
        case .greaterOrEqual: value >= number
        }
    }
}

/// A text in which `*` stands for any characters, and `\*` and `\\` for themselves.
struct WildcardPattern: Hashable, Sendable {
    /// The bytes; nil is a wildcard.
    private let parts: [UInt8?]

    /// Characters of a pattern: matching costs as much for each character of a text, in the log's commit.
    static let maximumParts = 256

    /// How many wildcards there are.
    var wildcardCount: Int { parts.count { $0 == nil } }

    /// Reads a pattern.
    /// - Returns: nil for two wildcards in a row and for a backslash before anything else.
    init?(_ text: ByteString) {
        var parts: [UInt8?] = []
        var isEscaped = false
        for byte in text.utf8 {
            switch (byte, isEscaped) {
            case (UInt8(ascii: "*"), false):
                if let last = parts.last, last == nil { return nil }
                parts.append(nil)
            case (UInt8(ascii: "\\"), false): isEscaped = true
            case (UInt8(ascii: "*"), true), (UInt8(ascii: "\\"), true):
                parts.append(byte)
                isEscaped = false
            case (_, true): return nil
            default: parts.append(byte)
            }
        }
        guard !isEscaped, parts.count <= WildcardPattern.maximumParts else { return nil }
        self.parts = parts
    }

    /// Whether a text has the form: the last wildcard takes one byte more whenever what follows it doesn't fit.
    func matches(_ text: ByteString) -> Bool {
        text.withUTF8 { bytes in
            var (place, index) = (0, 0)
            var retry: (place: Int, index: Int)?
            while index < bytes.count {
                if place < parts.count, parts[place] == nil {
                    retry = (place + 1, index)
                    place += 1
                } else if place < parts.count, parts[place] == bytes[index] {
                    (place, index) = (place + 1, index + 1)
                } else if let again = retry {
                    retry = (again.place, again.index + 1)
                    (place, index) = (again.place, again.index + 1)
                } else {
                    return false
                }
            }
            return parts[place...].allSatisfy { $0 == nil }
        }
    }
}

/// A network of IPv4 or IPv6 addresses (RFC 4632): `10.0.0.0/24`, or one address.
struct AddressRange: Hashable, Sendable {
    private let address: [UInt8]
    private let prefixBits: Int

    /// Reads a network; nil when it isn't one.
    init?(_ text: ByteString) {
        let parts = text.split(separator: "/")
        guard (1...2).contains(parts.count), let address = AddressRange.bytes(of: parts[0]) else { return nil }
        let bits = parts.count == 1 ? address.count * 8 : Int(parts[1].string)
        guard let bits, (0...address.count * 8).contains(bits) else { return nil }
        self.address = address
        prefixBits = bits
    }

    /// Whether an address is of the network.
    func contains(_ text: ByteString) -> Bool {
        guard let other = AddressRange.bytes(of: text), other.count == address.count else { return false }
        return address.indices.allSatisfy { index in
            let bits = min(8, max(0, prefixBits - index * 8))
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
            return address[index] & mask == other[index] & mask
        }
    }

    private static func bytes(of text: ByteString) -> [UInt8]? {
        text.utf8.contains(UInt8(ascii: ":")) ? sixteen(of: text) : four(of: text)
    }

    private static func four(of text: ByteString) -> [UInt8]? {
        let parts = text.split(separator: ".")
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                part.count == 1 || part.utf8.first != UInt8(ascii: "0"), let byte = UInt8(part.string)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// RFC 4291, section 2.2: eight groups, of which `::` stands for some that are zero; the last two may be an IPv4 address.
    private static func sixteen(of text: ByteString) -> [UInt8]? {
        var groups = text.split(separator: ":")
        guard (3...9).contains(groups.count) else { return nil }
        // A `::` at an end makes two empty parts there.
        if groups[0].isEmpty, groups[1].isEmpty { groups.removeFirst() }
        if groups.count > 1, groups[groups.count - 1].isEmpty, groups[groups.count - 2].isEmpty { groups.removeLast() }
        var (before, after): ([UInt8], [UInt8]?) = ([], nil)
        for (index, group) in groups.enumerated() {
            if group.isEmpty {
                guard after == nil else { return nil }
                after = []
                continue
            }
            let bytes: [UInt8]
            if index == groups.count - 1, group.utf8.contains(UInt8(ascii: ".")) {
                guard let four = four(of: group) else { return nil }
                bytes = four
            } else {
                let isGroup = group.count <= 4 && group.utf8.allSatisfy(isHexadecimal)
                guard isGroup, let number = UInt16(group.string, radix: 16) else { return nil }
                bytes = [UInt8(number >> 8), UInt8(number & 0xFF)]
            }
            if after == nil { before += bytes } else { after? += bytes }
        }
        guard let after else { return before.count == 16 ? before : nil }
        let zeros = 16 - before.count - after.count
        return zeros > 0 ? before + [UInt8](repeating: 0, count: zeros) + after : nil
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }
}
