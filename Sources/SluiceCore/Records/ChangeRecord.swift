/// One committed change: what the log stores, the link carries and subscribers receive.
public struct ChangeRecord: Sendable {
    /// Its position in the log, the duplicate key for everyone downstream.
    public var sequence: SequenceNumber
    /// The sequence number of the topic's record before this one: the topic's chain.
    ///
    /// ``SequenceNumber/none`` for its first.
    public var previous: SequenceNumber
    /// Where it was published.
    public var topic: Topic
    /// The publisher's bytes.
    public var payload: [UInt8]
    /// The payload's media type.
    public var contentType: ContentType
    /// The optional rest.
    public var attributes: RecordAttributes
    /// When the gateway accepted the request, nanoseconds of ``StageClock``.
    public var acceptedAtNanoseconds: UInt64
    /// The same moment on the wall clock, nanoseconds since 1970; retention and "oldest age" count from it.
    public var acceptedAtWallNanoseconds: UInt64

    /// Gives a draft its place in the log.
    public init(
        _ draft: RecordDraft,
        sequence: SequenceNumber,
        previous: SequenceNumber,
        acceptedAtWallNanoseconds: UInt64
    ) {
        self.init(
            sequence: sequence,
            previous: previous,
            topic: draft.topic,
            payload: draft.payload,
            contentType: draft.contentType,
            attributes: draft.attributes,
            acceptedAtNanoseconds: draft.acceptedAtNanoseconds,
            acceptedAtWallNanoseconds: acceptedAtWallNanoseconds
        )
    }

    /// Makes a record from all its parts.
    public init(
        sequence: SequenceNumber,
        previous: SequenceNumber,
        topic: Topic,
        payload: [UInt8],
        contentType: ContentType,
        attributes: RecordAttributes,
        acceptedAtNanoseconds: UInt64,
        acceptedAtWallNanoseconds: UInt64
    ) {
        self.sequence = sequence
        self.previous = previous
        self.topic = topic
        self.payload = payload
        self.contentType = contentType
        self.attributes = attributes
        self.acceptedAtNanoseconds = acceptedAtNanoseconds
        self.acceptedAtWallNanoseconds = acceptedAtWallNanoseconds
    }
}
