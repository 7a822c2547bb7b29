import DeliveryLink
import SluiceCore

/// What a link tells the publisher's loop.
enum LinkNotice: Sendable {
    /// The link has shaken hands and takes deliveries.
    case connected(GatewayID)
    /// A gateway has answered.
    case receipts(GatewayID, [Receipt])
    /// The link is gone; these deliveries have no receipt and never will.
    case disconnected(GatewayID, unacknowledged: [UInt64])
}
