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
    /// Only an answer, which is this frame.
    case reply(ByteBuffer)
    /// Something that it can't have.
    case refused(id: MessageID?, APIError)
}
