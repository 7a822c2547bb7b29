public import SluiceCore

/// A message of a queue.
public struct QueueMessage: Hashable, Sendable {
    /// Its id, for ever the same, also in a dead-letter queue.
    public var id: MessageID
    /// Its text.
    public var body: String
    /// What the sender set beside it.
    public var attributes: [MessageAttribute]
    /// `AWSTraceHeader`, the one system attribute that a sender may set.
    public var traceHeader: String?
    /// When it was sent, wall clock, nanoseconds since 1970.
    public var sentAtNanoseconds: UInt64
    /// When it may be received for the first time, the same.
    public var visibleAtNanoseconds: UInt64
    /// The queue that it was a dead letter of.
    public var deadLetterSource: QueueID?
    /// The group whose messages a FIFO queue keeps in order; on a standard queue it is only handed on.
    public var groupID: ByteString?
    /// By what a FIFO queue knows a second send of it.
    ///
    /// Every message of a FIFO queue has one, no message of a standard queue has.
    public var deduplicationID: ByteString?

    /// Makes a message.
    public init(
        id: MessageID = .random(),
        body: String,
        attributes: [MessageAttribute] = [],
        traceHeader: String? = nil,
        sentAtNanoseconds: UInt64,
        visibleAtNanoseconds: UInt64,
        deadLetterSource: QueueID? = nil,
        groupID: ByteString? = nil,
        deduplicationID: ByteString? = nil
    ) {
        self.id = id
        self.body = body
        self.attributes = attributes
        self.traceHeader = traceHeader
        self.sentAtNanoseconds = sentAtNanoseconds
        self.visibleAtNanoseconds = visibleAtNanoseconds
        self.deadLetterSource = deadLetterSource
        self.groupID = groupID
        self.deduplicationID = deduplicationID
    }

    /// Whether it is of a FIFO queue, and so kept in the order of its group.
    package var isOrdered: Bool { groupID != nil && deduplicationID != nil }

    /// What counts against the queue's largest message: body, and names, types and values of the attributes, bytes.
    public var byteCount: Int { attributes.reduce(body.utf8.count) { $0 + $1.byteCount } }
}

/// One attribute of a message (API reference, "MessageAttributeValue").
public struct MessageAttribute: Hashable, Sendable {
    /// What it holds.
    public enum Value: Hashable, Sendable {
        /// Text, or a number as text.
        case string(String)
        /// Bytes.
        case binary([UInt8])
    }

    /// Its name.
    public var name: ByteString
    /// `String`, `Number` or `Binary`, and what the sender put behind it after a dot.
    public var type: String
    /// Its value.
    public var value: Value

    /// Makes an attribute.
    public init(name: ByteString, type: String, value: Value) {
        self.name = name
        self.type = type
        self.value = value
    }

    /// Bytes of name, type and value.
    var byteCount: Int { name.count + type.utf8.count + valueBytes.count }

    /// The value's bytes.
    public var valueBytes: [UInt8] {
        switch value {
        case .string(let text): Array(text.utf8)
        case .binary(let bytes): bytes
        }
    }

    /// The rule that it breaks; nil for a good one (developer guide, "Amazon SQS message metadata").
    public var violation: String? {
        guard (1...256).contains(name.count), name.utf8.allSatisfy(QueueID.isNameByte) else {
            return "names have 1 to 256 letters, digits, '-', '_' and '.'"
        }
        let isDotted = name.utf8.first == UInt8(ascii: ".") || name.utf8.last == UInt8(ascii: ".")
        guard !isDotted, !name.string.utf8.elementsContainTwoDots else {
            return "a dot stands neither first, last nor twice in a row"
        }
        let lower = name.lowercasedASCII
        guard !lower.utf8.starts(with: "aws.".utf8), !lower.utf8.starts(with: "amazon.".utf8) else {
            return "names don't begin with 'AWS.' or 'Amazon.'"
        }
        let kind = ByteString(type).split(separator: ".").first ?? ""
        guard type.utf8.count <= 256, ["String", "Number", "Binary"].contains(kind) else {
            return "types are String, Number or Binary, and one's own behind a dot"
        }
        guard !valueBytes.isEmpty else { return "values aren't empty" }
        switch value {
        case .string where kind == "Binary": return "a Binary has a BinaryValue"
        case .binary where kind != "Binary": return "a \(kind) has a StringValue"
        case .string(let text) where kind == "Number" && !MessageAttribute.isNumber(text):
            return "'\(text.printable(limit: 40))' isn't a number"
        default: return nil
        }
    }

    /// Decimal digits with sign, point and exponent, and no other thing that Swift takes for a number.
    private static func isNumber(_ text: String) -> Bool {
        let isDecimal = text.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
        return isDecimal && (Double(text).map { $0.isFinite } ?? false)
    }
}

extension String.UTF8View {
    fileprivate var elementsContainTwoDots: Bool {
        zip(self, dropFirst()).contains { $0 == UInt8(ascii: ".") && $1 == UInt8(ascii: ".") }
    }
}

/// A message's id: 128 random bits, written as a UUID of version 4 (RFC 9562, section 5.4).
public struct MessageID: Hashable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A new one.
    public static func random() -> MessageID {
        MessageID(
            high: UInt64.random(in: .min ... .max) & 0xFFFF_FFFF_FFFF_0FFF | 0x4000,
            low: UInt64.random(in: .min ... .max) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        )
    }

    /// As AWS writes it.
    public var description: String {
        let digits = [high, low].map { half in
            let text = String(half, radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }.joined()
        let bytes = Array(digits.utf8)
        let cuts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
        return cuts.map { String(decoding: bytes[$0], as: UTF8.self) }.joined(separator: "-")
    }
}
