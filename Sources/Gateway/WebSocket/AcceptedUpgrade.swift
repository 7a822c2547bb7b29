import SluiceCore

/// What was found out about a client before its connection became a WebSocket.
struct AcceptedUpgrade {
    /// What the client may do.
    let grant: Grant
    /// What its URL asks for; nil for `/echo`.
    let parameters: ConnectParameters?
    /// When it was accepted, nanoseconds of `StageClock`.
    let acceptedAtNanoseconds: UInt64
}
