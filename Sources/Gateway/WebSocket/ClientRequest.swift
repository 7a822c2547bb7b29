import FanOut
import NIOCore
import SluiceCore

/// What a client wants, whatever protocol it speaks.
enum ClientRequest: Equatable, Sendable {
    /// To receive topics.
    case subscribe(SubscribeMessage)
    /// To receive topics no more.
    case unsubscribe(id: MessageID?, topics: [Topic])
    /// To append a record.
    case publish(PublishMessage)
    /// To go on with another token.
    case authenticate(id: MessageID?, token: String)
    /// Only an answer, which is this frame.
    case reply(ByteBuffer)
    /// Something that it can't have.
    case refused(id: MessageID?, APIError)

    /// The client's name for it, where it gave one and a reply is still to come.
    var id: MessageID? {
        switch self {
        case .subscribe(let message): message.id
        case .publish(let message): message.id
        case .unsubscribe(let id, _), .authenticate(let id, _), .refused(let id, _): id
        case .reply: nil
        }
    }
}

/// A client's request to receive topics.
struct SubscribeMessage: Equatable, Sendable {
    /// One topic of it.
    typealias Entry = SubscribeRequest.Entry

    /// The client's name for the message.
    var id: MessageID?
    /// The topics, each once, in the client's order.
    var entries: [Entry]
    /// The epoch of the log in which the client learned its numbers; nil when it doesn't say.
    var epoch: EpochClaim?
    /// How the topics' events shall come.
    var encoding: EventEncoding

    /// The topics in the client's order.
    var topics: [Topic] { entries.map(\.topic) }
}

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

/// The `id` that a client gave its message; replies carry it back.
struct MessageID: Equatable, Sendable {
    /// The id, at most ``Limits/messageIDBytes`` long.
    let text: String

    /// Takes an id over.
    /// - Throws: `InvalidRequest` when it isn't a string or is too long.
    init(_ value: JSONValue) throws(APIError) {
        guard let text = value.string, text.utf8.count <= Limits.messageIDBytes else {
            throw APIError(.invalidRequest, "The id must be a string of at most \(Limits.messageIDBytes) bytes.")
        }
        self.text = text
    }

    /// An id for tests and for what the gateway asks itself.
    init(_ text: String) { self.text = text }
}
