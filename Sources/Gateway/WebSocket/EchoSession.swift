import FanOut
import NIOCore
import SluiceCore

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
    func refused(_ id: MessageID?, _ error: APIError) -> ByteBuffer { ByteBuffer() }
}
