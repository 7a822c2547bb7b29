import FanOut
import NIOCore
import SluiceCore

/// What one connection speaks: turns its messages into requests and what it is told into frames.
///
/// A value; the connection's handler performs the requests.
protocol ClientSession: Sendable {
    /// The request of a message.
    mutating func request(_ message: InboundMessage) -> ClientRequest
    /// What a new connection is told first; nil for nothing.
    func greeting(_ connection: ConnectionID) -> ByteBuffer?
    /// The barrier: what the client is subscribed to.
    func subscribed(_ id: MessageID?, _ topics: [SubscribedTopic]) -> ByteBuffer
    /// What it isn't subscribed to any more.
    func unsubscribed(_ id: MessageID?, _ topics: [Topic]) -> ByteBuffer
    /// Its record is committed.
    func published(_ id: MessageID?, _ sequence: SequenceNumber) -> ByteBuffer
    /// Its new token counts; for how many seconds, if it ends.
    func authenticated(_ id: MessageID?, _ principal: String?, _ secondsLeft: Int?) -> ByteBuffer
    /// What it isn't subscribed to any more since its new token doesn't allow it.
    func lost(_ topics: [Topic], _ error: APIError) -> ByteBuffer
    /// What comes in a while; nil for a protocol that has no word for it.
    func warning(_ warning: ConnectionWarning) -> ByteBuffer?
    /// It can't have what it asked for.
    func refused(_ id: MessageID?, _ error: APIError) -> ByteBuffer
}

/// Answers every message with itself, for conformance suites.
struct EchoSession: ClientSession {
    func request(_ message: InboundMessage) -> ClientRequest {
        .reply(ServerFrame.frame(message.isText ? .text : .binary, message.payload))
    }

    func greeting(_ connection: ConnectionID) -> ByteBuffer? { nil }

    // An echo subscribes to nothing and publishes nothing, so none of these is ever sent.
    func subscribed(_ id: MessageID?, _ topics: [SubscribedTopic]) -> ByteBuffer { ByteBuffer() }
    func unsubscribed(_ id: MessageID?, _ topics: [Topic]) -> ByteBuffer { ByteBuffer() }
    func published(_ id: MessageID?, _ sequence: SequenceNumber) -> ByteBuffer { ByteBuffer() }
    func authenticated(_ id: MessageID?, _ principal: String?, _ secondsLeft: Int?) -> ByteBuffer { ByteBuffer() }
    func lost(_ topics: [Topic], _ error: APIError) -> ByteBuffer { ByteBuffer() }
    func refused(_ id: MessageID?, _ error: APIError) -> ByteBuffer { ByteBuffer() }

    func warning(_ warning: ConnectionWarning) -> ByteBuffer? { nil }
}

/// A whole message of a client.
struct InboundMessage: Equatable {
    /// Whether it is text, which is then UTF-8.
    let isText: Bool
    /// Its bytes.
    let payload: ByteBuffer
}
