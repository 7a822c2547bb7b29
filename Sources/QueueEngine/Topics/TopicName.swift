public import SluiceCore

/// The name of a message topic: 1 to 256 ASCII letters, digits, `-` and `_`; a FIFO topic's ends with `.fifo` (API reference, "CreateTopic").
public struct TopicName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The name.
    public let name: ByteString

    /// Checks a name from outside.
    /// - Throws: ``QueueError``, `invalidAttribute`.
    public init(_ name: ByteString) throws(QueueError) {
        let suffix = FIFOAttributes.nameSuffix
        let isFIFO = name.utf8.suffix(suffix.count).elementsEqual(suffix.utf8)
        let stem = name.utf8.dropLast(isFIFO ? suffix.count : 0)
        let isValid =
            !stem.isEmpty && name.count <= 256
            && stem.allSatisfy { QueueID.isNameByte($0) && $0 != UInt8(ascii: ".") }
        guard isValid else {
            throw QueueError(
                .invalidAttribute,
                "The topic's name '\(name.string.printable(limit: 80))' isn't 1 to 256 letters, digits, '-' and '_'; a FIFO topic has .fifo behind."
            )
        }
        self.name = name
    }

    /// Takes a name that the store has written.
    package init(alreadyChecked name: String) { self.name = ByteString(name) }

    /// Whether it is a FIFO topic's.
    public var isFIFO: Bool {
        name.utf8.suffix(FIFOAttributes.nameSuffix.count).elementsEqual(FIFOAttributes.nameSuffix.utf8)
    }

    /// The name.
    public var description: String { name.string }

    /// Orders by the bytes.
    public static func < (left: TopicName, right: TopicName) -> Bool { left.name < right.name }
}

/// Topics and subscriptions as AWS names them; region and account mean nothing here.
public enum TopicARN {
    /// The ARN of a topic.
    public static func text(of topic: TopicName) -> String { "arn:aws:sns:us-east-1:\(QueueARN.account):\(topic)" }

    /// The ARN of a subscription.
    public static func text(of topic: TopicName, _ subscription: MessageID) -> String {
        "\(text(of: topic)):\(subscription)"
    }

    /// The topic that an ARN names.
    /// - Throws: ``QueueError``, `invalidAttribute`, when it names none.
    public static func topic(of arn: String) throws(QueueError) -> TopicName {
        let parts = ByteString(arn).split(separator: ":")
        guard parts.count == 6, parts[0] == "arn", parts[2] == "sns" else { throw invalid(arn, "topic") }
        return try TopicName(parts[5])
    }

    /// The subscription that an ARN names, with its topic.
    /// - Throws: ``QueueError``, `invalidAttribute`, when it names none.
    public static func subscription(of arn: String) throws(QueueError) -> (topic: TopicName, id: MessageID) {
        let parts = ByteString(arn).split(separator: ":")
        guard parts.count == 7, parts[0] == "arn", parts[2] == "sns", let id = MessageID(parts[6]) else {
            throw invalid(arn, "subscription")
        }
        return (try TopicName(parts[5]), id)
    }

    private static func invalid(_ arn: String, _ what: String) -> QueueError {
        QueueError(.invalidAttribute, "'\(arn.printable(limit: 120))' isn't the ARN of a \(what).")
    }
}

extension MessageID {
    /// Reads an id as it is written; nil when the text isn't one.
    package init?(_ text: ByteString) {
        let lengths = [8, 4, 4, 4, 12]
        let parts = text.split(separator: "-")
        guard parts.map(\.count) == lengths else { return nil }
        let digits = parts.flatMap { Array($0.utf8) }
        var halves: [UInt64] = [0, 0]
        for (index, digit) in digits.enumerated() {
            guard let value = MessageID.value(of: digit) else { return nil }
            halves[index / 16] = halves[index / 16] << 4 | value
        }
        self.init(high: halves[0], low: halves[1])
    }

    private static func value(of digit: UInt8) -> UInt64? {
        switch digit {
        case 0x30...0x39: UInt64(digit - 0x30)
        case 0x61...0x66: UInt64(digit - 0x57)
        default: nil
        }
    }

    /// The 16 bytes, big-endian.
    package var bytes: [UInt8] {
        [high, low].flatMap { half in withUnsafeBytes(of: half.bigEndian) { Array($0) } }
    }

    /// Takes 16 bytes, big-endian; nil when there are others.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        func half(_ part: some Sequence<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(high: half(bytes.prefix(8)), low: half(bytes.suffix(8)))
    }
}
