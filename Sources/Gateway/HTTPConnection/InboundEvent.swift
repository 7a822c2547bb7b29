import NIOHTTP1
import SluiceCore

/// What the decoder says, in the order in which the client sent it.
enum InboundEvent {
    /// A part of a request.
    case part(HTTPServerRequestPart)
    /// Nothing more of what comes can be read, for it isn't HTTP, comes too late, or is too much.
    case malformed(PublishAnswer)
    /// The client has closed its side.
    case inputClosed
}
