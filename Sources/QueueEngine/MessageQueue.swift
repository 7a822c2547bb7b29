public import SluiceCore

/// A message queue as the catalogue has it.
public struct MessageQueue: Hashable, Sendable {
    /// Its name.
    public let id: QueueID
    /// Its number: another one when a queue of the same name is made again.
    public let number: UInt32
    /// How it behaves.
    public var attributes: MessageQueueAttributes
    /// What its owner keeps beside it.
    public var tags: [QueueTag]
    /// When it was made, wall clock, nanoseconds since 1970.
    public let createdAtNanoseconds: UInt64
    /// When it was last changed, the same.
    public var modifiedAtNanoseconds: UInt64

    /// Whether the messages of a group are kept in order.
    public var isFIFO: Bool { attributes.fifo != nil }

    /// Makes an entry of the catalogue.
    public init(
        id: QueueID,
        number: UInt32,
        attributes: MessageQueueAttributes,
        tags: [QueueTag],
        createdAtNanoseconds: UInt64,
        modifiedAtNanoseconds: UInt64
    ) {
        self.id = id
        self.number = number
        self.attributes = attributes
        self.tags = tags
        self.createdAtNanoseconds = createdAtNanoseconds
        self.modifiedAtNanoseconds = modifiedAtNanoseconds
    }

    /// The entry as JSON, as it is stored.
    package var json: [UInt8] {
        JSONWriter.object { json in
            json.member("number", number)
            json.member("created", createdAtNanoseconds)
            json.member("modified", modifiedAtNanoseconds)
            json.name("attributes")
            json.object { json in for (name, value) in attributes.values { json.member(name, value) } }
            json.name("tags")
            json.object { json in for tag in tags { json.member(tag.key.string, tag.value) } }
        }
    }

    /// Reads a stored entry; nil when it isn't one.
    package init?(_ id: QueueID, json: [UInt8]) {
        guard let value = try? JSONValue(json),
            let number = value["number"]?.unsignedInteger.flatMap({ UInt32(exactly: $0) }),
            let created = value["created"]?.unsignedInteger, let modified = value["modified"]?.unsignedInteger
        else { return nil }
        var attributes = MessageQueueAttributes()
        let stored = value["attributes"]?.members ?? []
        guard (try? attributes.set(stored.map { ($0.key, $0.value.string ?? "") })) != nil else { return nil }
        self.init(
            id: id,
            number: number,
            attributes: attributes,
            tags: (value["tags"]?.members ?? []).map { QueueTag(key: $0.key, value: $0.value.string ?? "") },
            createdAtNanoseconds: created,
            modifiedAtNanoseconds: modified
        )
    }
}

/// A tag of a queue (API reference, "TagQueue").
public struct QueueTag: Hashable, Sendable {
    /// Its key.
    public let key: ByteString
    /// Its value.
    public let value: String

    /// Makes a tag.
    public init(key: ByteString, value: String) {
        self.key = key
        self.value = value
    }
}

/// A queue's figures, as `GetQueueAttributes` has them; exact at the moment in which they were counted.
public struct MessageQueueFigures: Hashable, Sendable {
    /// Messages that a receive would return.
    public var visible = 0
    /// Messages that were received and are hidden.
    public var inFlight = 0
    /// Messages whose delay isn't over.
    public var delayed = 0
    /// When the oldest of all was sent, wall clock, nanoseconds since 1970; nil for an empty queue.
    public var oldestSentAtNanoseconds: UInt64?

    /// An empty queue.
    public init() {}
}

/// A change of queues that the log's writer makes in its commit.
public enum MessageChange: Sendable {
    /// Makes a queue with attributes by AWS's names; one that is there and has these is left as it is.
    case create(QueueID, [(name: ByteString, value: String)], tags: [QueueTag])
    /// Sets attributes and tags.
    case configure(QueueID, @Sendable (inout MessageQueue) throws(QueueError) -> Void)
    /// Removes a queue; its messages are removed afterwards by ``discard(queue:maximum:)``.
    case delete(QueueID)
    /// Removes up to so many messages of a queue that was deleted.
    case discard(queue: UInt32, maximum: Int)
    /// Stores messages, all or none.
    case send(QueueID, [QueueMessage])
    /// Deletes messages by their ordinals; what is gone already isn't missed.
    case remove(queue: UInt32, [UInt64])
    /// Moves messages to another queue; what is gone already isn't missed.
    case move(queue: UInt32, [UInt64], to: QueueID, source: QueueID?)
    /// Publishes dead letters of publishers again and removes them; other messages stay.
    case publish(queue: UInt32, [UInt64])
    /// Forgets up to so many deduplication ids that were sent before a time, nanoseconds since 1970.
    case forgetDuplicates(beforeNanoseconds: UInt64, maximum: Int)
    /// A change of topics, which may store messages in queues.
    case topics(TopicChange)

    /// What waits in memory until it is stored, bytes.
    package var pendingBytes: Int {
        switch self {
        case .send(_, let messages): messages.reduce(512) { $0 + $1.byteCount + 256 }
        case .remove(_, let ordinals), .move(_, let ordinals, _, _), .publish(_, let ordinals): 512 + ordinals.count * 8
        case .topics(let change): change.pendingBytes
        default: 1_024
        }
    }
}

/// Where a message that was sent is stored.
public struct MessagePlace: Hashable, Sendable {
    /// Its ordinal, which is a FIFO queue's sequence number, too.
    public let ordinal: UInt64
    /// Its id: of a send that is known already, that of the first one.
    public let id: MessageID
    /// Whether it was sent before, and so isn't stored again.
    public let isDuplicate: Bool

    /// Makes a place.
    public init(ordinal: UInt64, id: MessageID, isDuplicate: Bool = false) {
        self.ordinal = ordinal
        self.id = id
        self.isDuplicate = isDuplicate
    }
}

/// What a ``MessageChange`` did.
public enum MessageChangeOutcome: Sendable {
    /// The queue as it is now.
    case queue(MessageQueue)
    /// Where the messages are.
    case sent(queue: MessageQueue, [MessagePlace])
    /// So many messages were deleted or moved.
    case changed(Int)
    /// What a change of topics did.
    case topics(TopicOutcome)
}
