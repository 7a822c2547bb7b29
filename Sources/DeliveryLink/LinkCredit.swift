/// How much a gateway lets a publisher send ahead of its receipts.
public struct LinkCredit: Equatable, Sendable {
    /// Bytes of delivery frames that may wait for a receipt.
    ///
    /// One delivery is always allowed, however long.
    public var bytes: Int
    /// Deliveries that may wait for a receipt.
    public var deliveries: Int
    /// Longest frame, bytes.
    public var frameBytes: Int

    /// Makes a credit.
    public init(bytes: Int, deliveries: Int, frameBytes: Int) {
        self.bytes = bytes
        self.deliveries = deliveries
        self.frameBytes = frameBytes
    }
}
