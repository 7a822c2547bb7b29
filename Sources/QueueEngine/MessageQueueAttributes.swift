public import SluiceCore

/// How a message queue behaves: the attributes of SQS (API reference, "SetQueueAttributes"), with its names, defaults and ranges.
public struct MessageQueueAttributes: Hashable, Sendable {
    /// How long a message without a delay of its own is hidden at first, seconds.
    public var delaySeconds = 0
    /// The largest message, bytes of its body and attributes.
    public var maximumMessageBytes = 1_048_576
    /// How long a message is kept, seconds.
    public var retentionSeconds = 345_600
    /// How long a receive waits for a message unless it says otherwise, seconds.
    public var receiveWaitSeconds = 0
    /// How long a received message is hidden unless the receive says otherwise, seconds.
    public var visibilityTimeoutSeconds = 30
    /// Where a message goes that was received too often; nil for a queue that keeps all.
    public var redrive: RedrivePolicy?
    /// Which queues may name this one as their dead-letter queue.
    public var redriveAllow = RedriveAllowPolicy.allowAll

    /// What makes it a FIFO queue; nil for a standard queue.
    ///
    /// It is chosen when the queue is made.
    public var fifo: FIFOAttributes?

    /// The defaults.
    public init() {}

    /// The whole numbers by AWS's names, with their ranges.
    private static let numbers:
        [(name: String, path: any WritableKeyPath<MessageQueueAttributes, Int> & Sendable, range: ClosedRange<Int>)] = [
            ("DelaySeconds", \.delaySeconds, 0...900),
            ("MaximumMessageSize", \.maximumMessageBytes, 1_024...1_048_576),
            ("MessageRetentionPeriod", \.retentionSeconds, 60...1_209_600),
            ("ReceiveMessageWaitTimeSeconds", \.receiveWaitSeconds, 0...20),
            ("VisibilityTimeout", \.visibilityTimeoutSeconds, 0...43_200),
        ]

    /// Attributes that AWS has and that mean nothing without AWS: they are taken and kept nowhere.
    private static let ignored: Set<ByteString> = [
        "Policy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled",
    ]

    /// Sets attributes by AWS's names.
    /// - Throws: ``QueueError`` with `unknownAttribute`, `invalidAttribute` or `unsupported`.
    public mutating func set(_ values: [(name: ByteString, value: String)]) throws(QueueError) {
        for (name, value) in values {
            if let number = MessageQueueAttributes.numbers.first(where: { ByteString($0.name) == name }) {
                guard let parsed = Int(value), number.range.contains(parsed) else {
                    throw QueueError(
                        .invalidAttribute,
                        "\(name)='\(value.printable(limit: 40))' isn't a whole number from \(number.range.lowerBound) to \(number.range.upperBound)."
                    )
                }
                self[keyPath: number.path] = parsed
            } else if name == "RedrivePolicy" {
                redrive = value.isEmpty ? nil : try RedrivePolicy(json: value)
            } else if name == "RedriveAllowPolicy" {
                redriveAllow = value.isEmpty ? .allowAll : try RedriveAllowPolicy(json: value)
            } else if name == "FifoQueue" || FIFOAttributes.names.contains(name) {
                // Below, whatever their order.
                continue
            } else if !MessageQueueAttributes.ignored.contains(name) {
                throw QueueError(.unknownAttribute, "There is no queue attribute \(name.string.printable(limit: 60)).")
            }
        }
        if let kind = values.last(where: { $0.name == "FifoQueue" })?.value { try setKind(kind) }
        for (name, value) in values where FIFOAttributes.names.contains(name) { try setFIFO(name, value) }
        try fifo?.check()
    }

    private mutating func setKind(_ value: String) throws(QueueError) {
        switch value {
        case "true": fifo = fifo ?? FIFOAttributes()
        case "false" where fifo == nil: break
        case "false":
            throw QueueError(.invalidAttribute, "A FIFO queue stays one: make a queue of another name.")
        default:
            throw QueueError(.invalidAttribute, "FifoQueue='\(value.printable(limit: 40))' is neither true nor false.")
        }
    }

    private mutating func setFIFO(_ name: ByteString, _ value: String) throws(QueueError) {
        guard var fifo else {
            if name == "ContentBasedDeduplication", value == "false" { return }
            throw QueueError(.invalidAttribute, "\(name) is for FIFO queues, and this is a standard queue.")
        }
        try fifo.set(name, value)
        self.fifo = fifo
    }

    /// All of them by AWS's names, as ``set(_:)`` takes them.
    public var values: [(name: String, value: String)] {
        var values = MessageQueueAttributes.numbers.map { (name: $0.name, value: "\(self[keyPath: $0.path])") }
        if let redrive { values.append(("RedrivePolicy", redrive.json)) }
        if redriveAllow != .allowAll { values.append(("RedriveAllowPolicy", redriveAllow.json)) }
        if let fifo { values += [("FifoQueue", "true")] + fifo.values }
        return values
    }
}

/// When a message is a dead letter, and where it goes.
public struct RedrivePolicy: Hashable, Sendable {
    /// The dead-letter queue.
    public var deadLetterQueue: QueueID
    /// Receives after which the next one moves the message there.
    public var maximumReceives: Int

    /// Makes a policy.
    public init(deadLetterQueue: QueueID, maximumReceives: Int) {
        self.deadLetterQueue = deadLetterQueue
        self.maximumReceives = maximumReceives
    }

    /// Reads AWS's JSON: `deadLetterTargetArn` and `maxReceiveCount`, a number or a text of one.
    /// - Throws: ``QueueError``, `invalidAttribute`.
    init(json: String) throws(QueueError) {
        guard let value = try? JSONValue(Array(json.utf8)), let arn = value["deadLetterTargetArn"]?.string,
            let queue = QueueARN.queue(of: arn), let receives = value["maxReceiveCount"],
            let count = receives.unsignedInteger ?? receives.string.flatMap({ UInt64($0) }), (1...1_000).contains(count)
        else {
            throw QueueError(
                .invalidAttribute,
                "RedrivePolicy is a JSON object with deadLetterTargetArn, the ARN of a queue, and maxReceiveCount, 1 to 1000."
            )
        }
        self.init(deadLetterQueue: queue, maximumReceives: Int(count))
    }

    var json: String {
        let bytes = JSONWriter.object { json in
            json.member("deadLetterTargetArn", QueueARN.text(of: deadLetterQueue))
            json.member("maxReceiveCount", maximumReceives)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Which queues may use a queue for their dead letters (API reference, "SetQueueAttributes", RedriveAllowPolicy).
public enum RedriveAllowPolicy: Hashable, Sendable {
    /// Any.
    case allowAll
    /// None.
    case denyAll
    /// These, up to ten.
    case byQueue([QueueID])

    /// Whether `source` may.
    public func allows(_ source: QueueID) -> Bool {
        switch self {
        case .allowAll: true
        case .denyAll: false
        case .byQueue(let queues): queues.contains(source)
        }
    }

    init(json: String) throws(QueueError) {
        let value = try? JSONValue(Array(json.utf8))
        switch value?["redrivePermission"]?.string {
        case "allowAll": self = .allowAll
        case "denyAll": self = .denyAll
        case "byQueue":
            let arns = value?["sourceQueueArns"]?.elements(upTo: 10) ?? []
            let queues = arns.compactMap { $0.string.flatMap(QueueARN.queue(of:)) }
            guard (1...10).contains(arns.count), queues.count == arns.count else { fallthrough }
            self = .byQueue(queues)
        default:
            throw QueueError(
                .invalidAttribute,
                "RedriveAllowPolicy is a JSON object with redrivePermission, allowAll, denyAll or byQueue, the last with 1 to 10 sourceQueueArns."
            )
        }
    }

    var json: String {
        let bytes = JSONWriter.object { json in
            switch self {
            case .allowAll: json.member("redrivePermission", "allowAll")
            case .denyAll: json.member("redrivePermission", "denyAll")
            case .byQueue(let queues):
                json.member("redrivePermission", "byQueue")
                json.name("sourceQueueArns")
                json.array { json in for queue in queues { json.value(QueueARN.text(of: queue)) } }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A queue's name as AWS writes it.
///
/// Region and account mean nothing here.
public enum QueueARN {
    /// The account that every queue is of.
    public static let account = "000000000000"

    /// The ARN of a queue.
    public static func text(of queue: QueueID) -> String { "arn:aws:sqs:us-east-1:\(account):\(queue)" }

    /// The queue that an ARN names; nil when it names none.
    public static func queue(of arn: String) -> QueueID? {
        let parts = ByteString(arn).split(separator: ":")
        guard parts.count == 6, parts[0] == "arn", parts[2] == "sqs" else { return nil }
        return try? QueueID(parts[5])
    }
}
