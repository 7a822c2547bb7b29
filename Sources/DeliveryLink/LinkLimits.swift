/// The limits of a delivery link, the same on both ends unless the operator says otherwise.
public struct LinkLimits: Sendable {
    /// Longest frame after the handshake, bytes without the length itself.
    public var maximumFrameBytes = 64 * 1024 * 1024
    /// Deliveries that may wait for their receipt, bytes of their frames.
    ///
    /// One delivery is always allowed, however long.
    public var maximumUnacknowledgedBytes = 8 * 1024 * 1024
    /// Deliveries that may wait for their receipt.
    public var maximumUnacknowledgedDeliveries = 1024
    /// Deliveries that the publisher's end may hold while there is no credit, bytes; more are refused.
    public var maximumWaitingBytes = 64 * 1024 * 1024
    /// Open links of a gateway at a time; only those count whose publisher has proven itself.
    public var maximumLinks = 256
    /// Connections whose handshake isn't done, at a time; one more closes the oldest of the address that has most.
    public var maximumHandshakes = 128
    /// How long a handshake may take, nanoseconds.
    public var handshakeTimeoutNanoseconds: UInt64 = 5_000_000_000
    /// How often the publisher's end sends a ping, nanoseconds.
    public var pingIntervalNanoseconds: UInt64 = 5_000_000_000
    /// After how long without a frame the other end is taken for dead, nanoseconds.
    public var silenceNanoseconds: UInt64 = 15_000_000_000
    /// How long a graceful close waits for receipts, nanoseconds.
    public var closeTimeoutNanoseconds: UInt64 = 5_000_000_000
    /// How often the time-outs are looked at, nanoseconds.
    public var tickNanoseconds: UInt64 = 1_000_000_000
    /// The first wait before a reconnect, nanoseconds.
    public var reconnectMinimumNanoseconds: UInt64 = 100_000_000
    /// The longest wait before a reconnect, nanoseconds.
    public var reconnectMaximumNanoseconds: UInt64 = 5_000_000_000

    /// Longest frame before the handshake is done, bytes: what a stranger can make this end hold.
    static let handshakeFrameBytes = 1024

    /// The defaults.
    public init() {}
}
