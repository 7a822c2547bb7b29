import NIOCore
import NIOHTTPTypes

/// What a connection speaks, decided by its first request.
enum NegotiatedProtocol: Sendable {
    /// HTTP/1.1; the channel brings the requests that aren't publishes.
    case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
    /// WebSocket; handlers on the event loop do the rest.
    case webSocket
}
