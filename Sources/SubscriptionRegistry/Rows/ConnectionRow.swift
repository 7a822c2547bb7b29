public import SluiceCore

/// A client connection in the registry.
public struct ConnectionRow: Hashable, Sendable {
    /// The connection.
    public let id: ConnectionID
    /// The gateway that owns it.
    public let gatewayID: GatewayID
    /// Who it is, as the authorizer said.
    public let principal: String?
    /// The client's address as the gateway saw it.
    public let remoteAddress: String
    /// When it was opened, wall nanoseconds.
    public let connectedAtNanoseconds: UInt64
    /// Topics that it is subscribed to.
    public let subscriptions: Int

    /// Describes a connection.
    public init(
        id: ConnectionID,
        gatewayID: GatewayID,
        principal: String?,
        remoteAddress: String,
        connectedAtNanoseconds: UInt64,
        subscriptions: Int
    ) {
        self.id = id
        self.gatewayID = gatewayID
        self.principal = principal
        self.remoteAddress = remoteAddress
        self.connectedAtNanoseconds = connectedAtNanoseconds
        self.subscriptions = subscriptions
    }
}
