public import SluiceCore

/// What a FIFO queue has beside the attributes of all (API reference, "CreateQueue").
public struct FIFOAttributes: Hashable, Sendable {
    /// Within what a deduplication id is known.
    public enum DeduplicationScope: String, CaseIterable, Sendable {
        /// The whole queue.
        case queue
        /// The message's group.
        case messageGroup
    }

    /// AWS's quota on what a queue takes a second.
    ///
    /// It has no effect here: every queue takes what the log takes.
    public enum ThroughputLimit: String, CaseIterable, Sendable {
        /// One for the whole queue.
        case perQueue
        /// One for each group.
        case perMessageGroupId
    }

    /// Whether a message without a deduplication id has the SHA-256 of its body as one.
    public var isContentBased = false
    /// Within what deduplication ids are known.
    public var scope = DeduplicationScope.queue
    /// Kept and handed out.
    public var throughputLimit = ThroughputLimit.perQueue

    /// For how long a second send of a deduplication id is known, nanoseconds (developer guide, "Exactly-once processing in Amazon SQS").
    public static let deduplicationNanoseconds: UInt64 = 300_000_000_000
    /// What a FIFO queue's name ends with.
    public static let nameSuffix: ByteString = ".fifo"

    /// The defaults.
    public init() {}

    /// Whether a queue of that name is a FIFO queue.
    public static func isName(_ queue: QueueID) -> Bool {
        queue.name.utf8.suffix(nameSuffix.count).elementsEqual(nameSuffix.utf8)
    }

    /// The attributes that only a FIFO queue has.
    static let names: Set<ByteString> = ["ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"]

    mutating func set(_ name: ByteString, _ value: String) throws(QueueError) {
        switch name {
        case "ContentBasedDeduplication":
            isContentBased = try FIFOAttributes.one(of: ["true", "false"], name, value) == 0
        case "DeduplicationScope": scope = try FIFOAttributes.member(name, value)
        default: throughputLimit = try FIFOAttributes.member(name, value)
        }
    }

    /// - Throws: ``QueueError``, `invalidAttribute`, when two attributes don't go together.
    func check() throws(QueueError) {
        guard throughputLimit == .perMessageGroupId, scope != .messageGroup else { return }
        throw QueueError(
            .invalidAttribute,
            "FifoThroughputLimit=perMessageGroupId needs DeduplicationScope=messageGroup."
        )
    }

    var values: [(name: String, value: String)] {
        [
            ("ContentBasedDeduplication", "\(isContentBased)"), ("DeduplicationScope", scope.rawValue),
            ("FifoThroughputLimit", throughputLimit.rawValue),
        ]
    }

    private static func member<Member: RawRepresentable<String> & CaseIterable>(
        _ name: ByteString,
        _ value: String
    ) throws(QueueError) -> Member {
        let all = Array(Member.allCases)
        return all[try one(of: all.map(\.rawValue), name, value)]
    }

    private static func one(of allowed: [String], _ name: ByteString, _ value: String) throws(QueueError) -> Int {
        guard let place = allowed.firstIndex(where: { ByteString($0) == ByteString(value) }) else {
            throw QueueError(
                .invalidAttribute,
                "\(name)='\(value.printable(limit: 40))' is none of \(allowed.joined(separator: ", "))."
            )
        }
        return place
    }
}
