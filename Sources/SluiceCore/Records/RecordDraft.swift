/// A change that a request handler wants appended: a ``ChangeRecord`` before the log has given it its place.
public struct RecordDraft: Sendable {
    /// Where it is published.
    public var topic: Topic
    /// The bytes that the client sent, never re-encoded.
    public var payload: [UInt8]
    /// The payload's media type.
    public var contentType: ContentType
    /// The optional rest.
    public var attributes: RecordAttributes
    /// When the request was accepted, nanoseconds of ``StageClock``.
    public var acceptedAtNanoseconds: UInt64

    /// Makes a draft; `acceptedAtNanoseconds` defaults to now.
    public init(
        topic: Topic,
        payload: [UInt8],
        contentType: ContentType = .json,
        attributes: RecordAttributes = .none,
        acceptedAtNanoseconds: UInt64 = StageClock.nowNanoseconds()
    ) {
        self.topic = topic
        self.payload = payload
        self.contentType = contentType
        self.attributes = attributes
        self.acceptedAtNanoseconds = acceptedAtNanoseconds
    }
}
