public import SluiceCore

/// What a ``LinkClient`` tells its publisher.
///
/// All calls come on the link's event loop: hand over and return.
///
/// `connected` and `disconnected` alternate. Every delivery that was given to ``LinkClient/send(_:)`` is answered
/// exactly once: by a receipt, or by its number in `disconnected`. Where the link itself refuses a delivery (no link,
/// no credit, too large), it makes the receipt.
public protocol LinkEvents: Sendable {
    /// The handshake is done: deliveries are taken.
    func connected(_ gateway: GatewayID, credit: LinkCredit)
    /// The receipts that came in one read, in the gateway's order.
    func receipts(_ gateway: GatewayID, _ receipts: [Receipt])
    /// The link is gone, and a new connection is tried unless it was closed. The deliveries may or may not have reached
    /// their subscribers: send them again, the gateways drop repetitions.
    func disconnected(_ gateway: GatewayID, unacknowledged: [UInt64], error: LinkError)
}
