import Glibc

/// Text from outside, compared, hashed, ordered and split by its UTF-8 bytes.
///
/// Swift's `String` compares by canonical equivalence: "é" in one scalar equals "é" in two, the KELVIN SIGN equals "K", and putting a run of
/// combining marks into canonical order takes quadratic time. What a client wrote must neither match what it isn't nor cost more than its
/// length, so every key and name from outside is one of these: JSON members (RFC 8259, section 8.3), topics and patterns (MQTT 3.1.1, section
/// 1.5.3), credentials, principals, header values. LMDB and SQLite compare the same way.
public struct ByteString: Hashable, Comparable, Sendable {
    /// The text, for messages and for interfaces that take a `String`.
    ///
    /// Compare the ``ByteString``, not this.
    public let string: String

    /// Wraps a string as it is.
    public init(_ string: String) {
        var string = string
        // Strings from C or Foundation may be stored otherwise; the comparisons below are made for UTF-8.
        string.makeContiguousUTF8()
        self.string = string
    }

    /// Wraps a part of a string as it is.
    public init(_ substring: Substring) { self.init(String(substring)) }

    /// The text of bytes that are UTF-8 already; what isn't becomes U+FFFD.
    public init(decoding bytes: some Collection<UInt8>) { self.init(String(decoding: bytes, as: UTF8.self)) }

    /// The bytes.
    public var utf8: String.UTF8View { string.utf8 }

    /// How many bytes it has.
    public var count: Int { string.utf8.count }

    /// Whether it has no bytes.
    public var isEmpty: Bool { string.isEmpty }

    /// Calls `body` with the bytes in memory.
    @inline(__always)
    public func withUTF8<Value>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Value) rethrows -> Value {
        if let value = try string.utf8.withContiguousStorageIfAvailable(body) { return value }
        // `init` made the string contiguous, so this is for a kind of string that Swift doesn't have yet.
        return try Array(string.utf8).withUnsafeBufferPointer(body)
    }

    /// Whether both have the same bytes.
    public static func == (left: ByteString, right: ByteString) -> Bool {
        left.withUTF8 { left in
            right.withUTF8 { right in
                guard left.count == right.count else { return false }
                guard let leftStart = left.baseAddress, let rightStart = right.baseAddress else { return true }
                return memcmp(leftStart, rightStart, left.count) == 0
            }
        }
    }

    /// Whether it has a literal's bytes, which are compared where they stand: for what is asked once a record.
    public func equals(_ literal: StaticString) -> Bool {
        withUTF8 { own in
            guard own.count == literal.utf8CodeUnitCount, let start = own.baseAddress else {
                return own.isEmpty && literal.utf8CodeUnitCount == 0
            }
            return memcmp(start, literal.utf8Start, own.count) == 0
        }
    }

    /// Whether the left one's bytes stand before the right one's.
    public static func < (left: ByteString, right: ByteString) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }

    /// Hashes the bytes, as ``==(_:_:)`` compares them.
    public func hash(into hasher: inout Hasher) {
        withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // Ends the text, so that two in a row can't be taken for two others. No UTF-8 contains this byte.
        hasher.combine(UInt8(0xFF))
    }

    /// The parts between the bytes `separator`, which must be ASCII; empty parts are kept.
    public func split(separator: Unicode.Scalar) -> [ByteString] {
        utf8.split(separator: UInt8(ascii: separator), omittingEmptySubsequences: false)
            .map { ByteString(Substring($0)) }
    }

    /// Whether both are equal once ASCII letters are in lower case, as HTTP compares names and many values (RFC 9110, section 5.1).
    public func equalsIgnoringASCIICase(_ other: ByteString) -> Bool {
        count == other.count && zip(utf8, other.utf8).allSatisfy { $0.lowercasedASCII == $1.lowercasedASCII }
    }

    /// With ASCII letters in lower case and everything else as it is.
    public var lowercasedASCII: ByteString { ByteString(decoding: utf8.map(\.lowercasedASCII)) }

    /// Whether it begins with the bytes of `prefix`.
    public func hasPrefix(_ prefix: ByteString) -> Bool { utf8.starts(with: prefix.utf8) }
}

extension ByteString: ExpressibleByStringLiteral {
    /// So that names that the program knows can be compared with what came: `member.key == "topic"`.
    public init(stringLiteral value: String) { self.init(value) }
}

extension ByteString: CustomStringConvertible {
    /// The text.
    ///
    /// It may hold control characters: see `String.printable(limit:)`.
    public var description: String { string }
}

extension String.UTF8View {
    /// Whether U+FFFD is among the characters: what decoders put where something wasn't text.
    ///
    /// A name from outside that has it may have been another's before it was decoded.
    public var containsReplacementCharacter: Bool {
        var (first, second): (UInt8, UInt8) = (0, 0)
        for byte in self {
            if first == 0xEF, second == 0xBF, byte == 0xBD { return true }
            (first, second) = (second, byte)
        }
        return false
    }
}

extension UInt8 {
    /// An ASCII letter in lower case; any other byte as it is.
    public var lowercasedASCII: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }
}
