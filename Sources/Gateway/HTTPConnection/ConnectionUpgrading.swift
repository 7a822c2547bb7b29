import FanOut
import NIOCore
import NIOHTTP1
import SluiceCore

/// Decides about upgrades to WebSocket and turns the pipeline into one; ``HTTPConnectionHandler`` calls it on the
/// connection's event loop.
protocol ConnectionUpgrading: Sendable {
    /// The answer's additional fields, such as the chosen subprotocol, or a failure with the `APIError` that the client
    /// is told.
    func accept(_ head: HTTPRequestHead, on channel: any Channel) -> EventLoopFuture<HTTPHeaders>
    /// Adds the handlers after the 101 has been written and the HTTP handlers are gone.
    ///
    /// `plain`: nil when something in the pipeline changes bytes.
    func install(_ head: HTTPRequestHead, on channel: any Channel, _ plain: PlainPipeline?) -> EventLoopFuture<Void>
    /// A client was refused its WebSocket, here or before it came here.
    func refused(_ head: HTTPRequestHead, _ error: APIError, on channel: any Channel)
}

extension ConnectionUpgrading {
    func refused(_ head: HTTPRequestHead, _ error: APIError, on channel: any Channel) {}
}
