/// Some of a topic's receivers, by their places: one bit each, for there is one such set for every message that is under way.
struct ReceiverSet: Equatable, Sendable {
    private var words: [UInt64]
    private(set) var count: Int

    /// The first `count` places.
    init(first count: Int) {
        self.count = count
        words = Array(repeating: .max, count: count / 64)
        if count % 64 > 0 { words.append((1 << UInt64(count % 64)) - 1) }
    }

    /// Takes a place out.
    /// - Returns: whether it was in.
    mutating func remove(_ place: Int) -> Bool {
        let mask: UInt64 = 1 << UInt64(place % 64)
        guard words.indices.contains(place / 64), words[place / 64] & mask != 0 else { return false }
        words[place / 64] &= ~mask
        count -= 1
        return true
    }
}
