import NIOCore

/// The limits of a delivery link, the same on both ends unless the operator says otherwise.
package struct LinkLimits: Sendable {
    /// Longest frame after the handshake, bytes without the length itself.
    package var maximumFrameBytes = 64 * 1024 * 1024
    /// Deliveries that may wait for their receipt, bytes of their frames.
    ///
    /// One delivery is always allowed, however long.
    package var maximumUnacknowledgedBytes = 8 * 1024 * 1024
    /// Deliveries that may wait for their receipt.
    package var maximumUnacknowledgedDeliveries = 1024
    /// Deliveries that the publisher's end may hold while there is no credit, bytes; more are refused.
    package var maximumWaitingBytes = 64 * 1024 * 1024
    /// Open links of a gateway at a time; only those count whose publisher has proven itself.
    package var maximumLinks = 256
    /// Connections whose handshake isn't done, at a time; one more closes the oldest of the address that has most.
    package var maximumHandshakes = 128
    /// How long a handshake may take, nanoseconds.
    package var handshakeTimeoutNanoseconds: UInt64 = 5_000_000_000
    /// How often the publisher's end sends a ping, nanoseconds.
    package var pingIntervalNanoseconds: UInt64 = 5_000_000_000
    /// After how long without a frame the other end is taken for dead, nanoseconds.
    package var silenceNanoseconds: UInt64 = 15_000_000_000
    /// How long a graceful close waits for receipts, nanoseconds.
    package var closeTimeoutNanoseconds: UInt64 = 5_000_000_000
    /// How often the time-outs are looked at, nanoseconds.
    package var tickNanoseconds: UInt64 = 1_000_000_000
    /// The first wait before a reconnect, nanoseconds.
    package var reconnectMinimumNanoseconds: UInt64 = 100_000_000
    /// The longest wait before a reconnect, nanoseconds.
    package var reconnectMaximumNanoseconds: UInt64 = 5_000_000_000

    /// Longest frame before the handshake is done, bytes: what a stranger can make this end hold.
    static let handshakeFrameBytes = 1024

    /// The defaults.
    package init() {}
}

/// How much a gateway lets a publisher send ahead of its receipts.
package struct LinkCredit: Equatable, Sendable {
    /// Bytes of delivery frames that may wait for a receipt.
    ///
    /// One delivery is always allowed, however long.
    package var bytes: Int
    /// Deliveries that may wait for a receipt.
    package var deliveries: Int
    /// Longest frame, bytes.
    package var frameBytes: Int

    /// Makes a credit.
    package init(bytes: Int, deliveries: Int, frameBytes: Int) {
        self.bytes = bytes
        self.deliveries = deliveries
        self.frameBytes = frameBytes
    }
}

/// How the sockets of both ends are set up.
enum LinkSockets {
    /// Reads in one go before the receiver is called: with the buffer below, a burst becomes one call.
    static let readsAtOnce: UInt = 16

    /// Bytes of a Unix socket's send buffer; the system may grant less.
    ///
    /// It bounds what one read can bring.
    static let sendBufferBytes: SocketOptionValue = 1024 * 1024

    /// The gateway reads deliveries: large, so that bursts come together.
    static var deliveryBuffers: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 64 * 1024, maximum: 1024 * 1024)
    }

    /// The publisher reads receipts, some 40 bytes each.
    static var receiptBuffers: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 16 * 1024, maximum: 1024 * 1024)
    }
}
