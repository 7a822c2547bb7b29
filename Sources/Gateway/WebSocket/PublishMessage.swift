import SluiceCore

/// A client's request to append a record.
struct PublishMessage: Equatable, Sendable {
    /// The client's name for the message.
    var id: MessageID?
    /// Where it goes.
    var topic: Topic
    /// The payload's media type.
    var contentType: ContentType
    /// The payload, as the client wrote it.
    var payload: [UInt8]
}
