/// A queue's name: what its state, its checkpoint, its figures and its labels are found by.
///
/// ASCII letters, digits, `-`, `_` and `.`, 1 to 80 of them and no dot in front: as SQS (API reference, "CreateQueue"), and so that it can be
/// part of a file's name and of a database's. It is compared by its bytes.
public struct QueueID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The name.
    public let name: ByteString

    /// Checks a name from outside.
    /// - Throws: ``QueueIDError`` with what is wrong.
    public init(_ name: ByteString) throws(QueueIDError) {
        guard (1...Limits.queueNameBytes).contains(name.count) else { throw .length(byteCount: name.count) }
        if let byte = name.utf8.first(where: { !QueueID.isNameByte($0) }) { throw .byte(byte, name: name) }
        if name.utf8.first == UInt8(ascii: ".") { throw .leadingDot(name: name) }
        self.name = name
    }

    /// Takes a name that the program or a store has written.
    public init(alreadyChecked name: String) { self.name = ByteString(name) }

    /// The publishers' queue as `--queue sqs` takes it.
    public static let sqs = QueueSemantics.sqs.queueID
    /// The publishers' queue as `--queue sns` takes it.
    public static let sns = QueueSemantics.sns.queueID
    /// The publishers' queue as `--queue stream` takes it.
    public static let stream = QueueSemantics.stream.queueID

    /// The name.
    public var description: String { name.string }

    /// Orders by the bytes.
    public static func < (left: QueueID, right: QueueID) -> Bool { left.name < right.name }

    /// Whether a byte may stand in a name: ASCII letters, digits, `-`, `_` and `.`.
    package static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

/// Why a text isn't a queue's name.
public enum QueueIDError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It has no byte, or too many.
    case length(byteCount: Int)
    /// It has a byte that isn't allowed.
    case byte(UInt8, name: ByteString)
    /// It begins with a dot.
    case leadingDot(name: ByteString)

    /// What was wrong, with the value, and what is allowed.
    public var description: String {
        switch self {
        case .length(let byteCount): "A queue's name has \(byteCount) bytes; 1 to \(Limits.queueNameBytes) are allowed."
        case .byte(let byte, let name):
            """
            The queue's name '\(name.string.printable(limit: 40))' has the byte 0x\(String(byte, radix: 16)); \
            ASCII letters, digits, '-', '_' and '.' are allowed.
            """
        case .leadingDot(let name):
            "The queue's name '\(name.string.printable(limit: 40))' begins with a dot; begin it with another character."
        }
    }
}

/// How publishers take the change log's records: what `--queue` chooses.
///
/// Each is a queue with attributes of its own, and this is the one place that tells them apart
/// (docs/decisions/one-log-many-queues.md).
public enum QueueSemantics: String, CaseIterable, Sendable {
    /// Each record is pushed at once, alone, with retries per subscription.
    case sns
    /// Records are leased in batches for a visibility timeout and deleted.
    case sqs
    /// Shards are read in order from a checkpoint.
    case stream

    /// The queue's name: each of the three has its own position in the log.
    public var queueID: QueueID { QueueID(alreadyChecked: rawValue) }

    /// What the queue is like.
    public var attributes: QueueAttributes {
        switch self {
        case .sns: QueueAttributes(kind: .standard, receiveMode: .push)
        case .sqs: QueueAttributes(kind: .standard, receiveMode: .pull)
        case .stream: QueueAttributes(kind: .stream)
        }
    }
}
