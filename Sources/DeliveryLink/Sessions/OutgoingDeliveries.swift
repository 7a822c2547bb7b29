import NIOCore

/// Deliveries as frames, ready to be written: one buffer, cut only where the credit ends.
struct OutgoingDeliveries {
    /// One delivery's place in the buffer.
    struct Part: Equatable {
        let id: UInt64
        /// Length of its frame; zero when it is too large to be encoded at all.
        let byteCount: Int
    }

    /// The frames one after the other, in the order of ``parts``.
    private(set) var frames: ByteBuffer
    /// Which deliveries they are.
    private(set) var parts: ArraySlice<Part>

    /// Encodes deliveries; done on the caller's thread, so that the event loop only writes.
    init(_ deliveries: [Delivery], maximumFrameBytes: Int) {
        let counts = deliveries.map { delivery in
            let count = LinkFrameEncoder.byteCount(of: delivery)
            return count > maximumFrameBytes ? 0 : count
        }
        frames = ByteBufferAllocator().buffer(capacity: counts.reduce(0, +))
        var parts: [Part] = []
        parts.reserveCapacity(deliveries.count)
        for (delivery, count) in zip(deliveries, counts) {
            if count > 0 { LinkFrameEncoder.encode(delivery, into: &frames) }
            parts.append(Part(id: delivery.id, byteCount: count))
        }
        self.parts = parts[...]
    }

    private init(frames: ByteBuffer, parts: ArraySlice<Part>) {
        self.frames = frames
        self.parts = parts
    }

    /// Bytes of all the frames.
    var byteCount: Int { frames.readableBytes }

    /// Takes the first deliveries out, without copying.
    mutating func removeFirst(_ count: Int) -> OutgoingDeliveries {
        let removed = parts.prefix(count)
        let bytes = removed.reduce(0) { $0 + $1.byteCount }
        parts = parts.dropFirst(count)
        return OutgoingDeliveries(frames: frames.readSlice(length: bytes) ?? ByteBuffer(), parts: removed)
    }
}
