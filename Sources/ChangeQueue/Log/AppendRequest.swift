public import QueueEngine
public import SluiceCore

/// What a client asks the log writer for: one unit, which is stored whole or not at all.
public enum AppendRequest: Sendable {
    /// Records that go into one commit, in this order, and on whose account their new topics go.
    case records([RecordDraft], by: PrincipalID = .server)
    /// An item and its change record.
    case item(ItemWrite)
    /// A change of message queues.
    case messages(MessageChange)

    /// What the request counts against `maximumPendingBytes`: its bytes and something for its objects.
    package var pendingBytes: Int {
        switch self {
        case .records(let drafts, _):
            drafts.reduce(256) { $0 + $1.payload.count + $1.attributes.taggedByteCount + 256 }
        case .item(let write): write.operation.byteCount + 512
        case .messages(let change): change.pendingBytes
        }
    }
}

/// Someone who appends through ``LogAppending``.
public protocol AppendClient: AnyObject, Sendable {
    /// Takes the outcomes of a commit: one call a commit, on a thread of the log's. It must not block.
    ///
    /// Requests that the log can't take (`overloaded`, `shuttingDown`) are answered within `submit`, on the caller's thread.
    func completed(_ outcomes: [AppendOutcome])
}

/// The client of one `async` append.
///
/// Resuming a continuation costs as much as the rest of an append, so the hot path has clients of its own.
final class SingleAppend: AppendClient {
    private let continuation: CheckedContinuation<AppendOutcome, Never>

    init(_ continuation: CheckedContinuation<AppendOutcome, Never>) { self.continuation = continuation }

    func completed(_ outcomes: [AppendOutcome]) {
        for outcome in outcomes { continuation.resume(returning: outcome) }
    }
}

/// What became of one ``AppendRequest``.
public struct AppendOutcome: Sendable {
    /// The client's own name for the request.
    public let token: UInt64
    /// The records, committed and on disk, in the request's order; or why nothing of the request was stored.
    public let result: Result<[AppendedRecord], ChangeQueueError>
    /// What happened to the item, when the request was one.
    public let item: ItemOutcome?
    /// What happened to message queues, when the request was about them.
    public let messages: Result<MessageChangeOutcome, QueueError>?

    /// Makes an outcome.
    public init(
        token: UInt64,
        result: Result<[AppendedRecord], ChangeQueueError>,
        item: ItemOutcome? = nil,
        messages: Result<MessageChangeOutcome, QueueError>? = nil
    ) {
        self.token = token
        self.result = result
        self.item = item
        self.messages = messages
    }
}

/// Where a committed record stands.
public struct AppendedRecord: Hashable, Sendable {
    /// Its position in the log.
    public let sequence: SequenceNumber
    /// The sequence number of the topic's record before it.
    public let previous: SequenceNumber
    /// When the commit that holds it had returned, nanoseconds of `StageClock`.
    public var committedAtNanoseconds: UInt64

    /// Makes one from its parts.
    public init(sequence: SequenceNumber, previous: SequenceNumber, committedAtNanoseconds: UInt64) {
        self.sequence = sequence
        self.previous = previous
        self.committedAtNanoseconds = committedAtNanoseconds
    }
}

/// The limits of the log that an append can meet; the raw values label the metric.
public enum AppendRefusal: String, Error, CaseIterable, Hashable, Sendable {
    /// Records take all that the map has for them.
    case logFull = "log_full"
    /// Items take all that the map has for them.
    case itemsFull = "items_full"
    /// The items that a principal has written take all that one principal may.
    case principalItems = "principal_items"
    /// The table of topics is full.
    case topicsFull = "topics_full"
    /// A principal has begun as many of the topics as one may.
    case principalTopics = "principal_topics"
    /// A principal begins new topics faster than one may.
    case topicRate = "topic_rate"

    /// The code of the error that the caller gets.
    package var code: ChangeQueueError.Code {
        switch self {
        case .logFull: .queueFull
        case .itemsFull, .principalItems: .itemQuotaExceeded
        case .topicsFull, .principalTopics, .topicRate: .tooManyTopics
        }
    }
}
