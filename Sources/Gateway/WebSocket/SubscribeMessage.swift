import FanOut
import SluiceCore

/// A client's request to receive topics.
struct SubscribeMessage: Equatable, Sendable {
    /// One topic of it.
    typealias Entry = SubscribeRequest.Entry

    /// The client's name for the message.
    var id: MessageID?
    /// The topics, each once, in the client's order.
    var entries: [Entry]
    /// How the topics' events shall come.
    var encoding: EventEncoding

    /// The topics in the client's order.
    var topics: [Topic] { entries.map(\.topic) }
}
