import SluiceCore

/// What the steps of setting a connection up hand to each other. Bound to the connection's event loop.
final class ConnectionSetup {
    /// The connection's first handler.
    let front: ConnectionFront
    /// Why an upgrade was refused.
    var refusal: APIError?

    init(front: ConnectionFront) { self.front = front }
}
