import NIOHTTP1
import SluiceCore

/// What the decoder says, in the order in which the client sent it.
enum InboundEvent {
    /// A part of a request.
    case part(HTTPServerRequestPart)
    /// What came isn't HTTP; nothing after it can be read.
    case malformed(PublishAnswer)
    /// The client has closed its side.
    case inputClosed
}
