/// A client connection's name: 128 random bits, so that gateways draw them without asking each other and nobody can guess one.
///
/// Its text form is base64url without padding (RFC 4648, section 5), 22 characters, safe in a path and in JSON.
public struct ConnectionID: Hashable, Sendable, CustomStringConvertible {
    /// The first eight bytes, big-endian.
    public let high: UInt64
    /// The last eight bytes, big-endian.
    public let low: UInt64

    /// Characters of the text form.
    package static let textCharacters = 22

    /// Puts an id together from its two halves.
    @inlinable public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Draws a new id from the system's random numbers.
    public static func random() -> ConnectionID {
        var generator = SystemRandomNumberGenerator()
        return ConnectionID(high: generator.next(), low: generator.next())
    }

    /// Parses the text form; nil when it isn't 22 base64url characters or its four spare bits aren't zero.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == ConnectionID.textCharacters else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        var index = 0
        for character in text.utf8 {
            guard let value = ConnectionID.value(of: character) else { return nil }
            if index == ConnectionID.textCharacters - 1 {
                // 21 characters hold 126 bits: the last one has the two that are left, and only one spelling is taken.
                guard value & 0x0F == 0 else { return nil }
                high = high << 2 | low >> 62
                low = low << 2 | value >> 4
            } else {
                high = high << 6 | low >> 58
                low = low << 6 | value
            }
            index += 1
        }
        self.init(high: high, low: low)
    }

    /// The text form.
    public var description: String {
        String(unsafeUninitializedCapacity: ConnectionID.textCharacters) { buffer in
            for index in 0..<ConnectionID.textCharacters { buffer[index] = character(at: index) }
            return ConnectionID.textCharacters
        }
    }

    /// Appends the text form, as it stands between the quotes of a JSON string.
    package func append(to bytes: inout [UInt8]) {
        for index in 0..<ConnectionID.textCharacters { bytes.append(character(at: index)) }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private func character(at index: Int) -> UInt8 {
        let bits: UInt64
        switch index {
        case 0..<10: bits = high >> UInt64(58 - 6 * index)
        case 10: bits = high << 2 | low >> 62
        case 11..<21: bits = low >> UInt64(122 - 6 * index)
        default: bits = low << 4
        }
        return ConnectionID.alphabet[Int(bits & 0x3F)]
    }

    private static func value(of character: UInt8) -> UInt64? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt64(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt64(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}

/// A gateway process's name in the registry and on the delivery links: new at each start, so that rows of an earlier run are never taken for its own.
public struct GatewayID: Hashable, Sendable, CustomStringConvertible {
    private let bytes: ByteString

    /// The name itself.
    public var rawValue: String { bytes.string }

    /// Wraps a name that comes from the registry or the link.
    public init(_ rawValue: String) { bytes = ByteString(rawValue) }

    /// Draws a new id.
    public static func random() -> GatewayID { GatewayID(ConnectionID.random().description) }

    /// The name.
    public var description: String { rawValue }
}

/// A client's name as a number of fixed size: what quotas are kept by and what an item keeps of its owner.
public struct PrincipalID: Hashable, Sendable {
    /// The number.
    public let rawValue: UInt64

    /// Makes an id; the numbers of ``anonymous`` and ``server`` are taken.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// All clients without a name, together.
    public static let anonymous = PrincipalID(0)
    /// The server that embeds the gateway: no quota applies to it.
    public static let server = PrincipalID(1)
}
