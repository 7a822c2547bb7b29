import NIOCore
import NIOHTTP1

/// Decides about upgrades to WebSocket and turns the pipeline into one; ``ProtocolChooser`` calls it on the
/// connection's event loop.
protocol ConnectionUpgrading: Sendable {
    /// The answer's additional fields, such as the chosen subprotocol, or a failure with the `APIError` that the client
    /// is told.
    func accept(_ head: HTTPRequestHead, on channel: any Channel) -> EventLoopFuture<HTTPHeaders>
    /// Adds the handlers after the 101 has been written and the HTTP handlers are gone.
    func install(_ head: HTTPRequestHead, on channel: any Channel) -> EventLoopFuture<Void>
}
