/// Sizes of the rings that are indexed by sequence number: powers of two, so that the index is a mask and not a division.
enum RingSize {
    /// The largest ring, slots.
    static let maximum = 1 << 20

    /// The smallest power of two that holds `capacity` slots, within 1 and ``maximum``.
    static func rounded(_ capacity: Int) -> Int {
        var size = 1
        while size < min(capacity, maximum) { size <<= 1 }
        return size
    }
}
