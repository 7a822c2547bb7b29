/// The gateway's side of the deliveries.
public protocol DeliveryReceiver: Sendable {
    /// Takes the deliveries that came in one read, in their order; called on the link's event loop.
    ///
    /// Each delivery wants exactly one receipt, now or later, through `link`. A delivery without a receipt keeps its
    /// credit, and the publisher keeps its records.
    func receive(_ deliveries: [Delivery], on link: LinkReplies)
}
