import NIOCore

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
