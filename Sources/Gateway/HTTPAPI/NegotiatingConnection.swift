import HummingbirdCore
import NIOCore

/// An accepted connection of which it isn't known yet what it will speak.
struct NegotiatingConnection: ServerChildChannelValue {
    /// The connection's channel.
    let channel: any Channel
    /// Completes with the first request.
    let negotiated: EventLoopFuture<NegotiatedProtocol>
}
