/// A part of the hash space: the topics whose hashes lie in it belong together.
package struct HashRange: Hashable, Sendable {
    /// The lowest hash.
    package let first: UInt64
    /// The highest hash; at least ``first``.
    package let last: UInt64

    /// The whole space.
    package static let all = HashRange(0, .max)

    /// From one hash to another, both included.
    package init(_ first: UInt64, _ last: UInt64) {
        self.first = first
        self.last = max(first, last)
    }

    /// The whole space in so many equal parts, ascending.
    /// - Returns: at least one.
    package static func even(_ count: Int) -> [HashRange] {
        let count = UInt64(max(count, 1))
        guard count > 1 else { return [all] }
        // 2^64 · part / count, so that powers of two divide the space at the hashes' high bits.
        let firsts = (0..<count).map { part in count.dividingFullWidth((part, 0)).quotient }
        return firsts.indices.map { part in
            HashRange(firsts[part], part == firsts.count - 1 ? .max : firsts[part + 1] - 1)
        }
    }

    /// Whether a hash lies in it.
    package func contains(_ hash: UInt64) -> Bool { first <= hash && hash <= last }

    /// Whether some hash lies in both.
    package func overlaps(_ other: HashRange) -> Bool { first <= other.last && other.first <= last }

    /// Its two halves; nil when it is one hash only.
    package var halves: (HashRange, HashRange)? {
        guard first < last else { return nil }
        let middle = first + (last - first) / 2
        return (HashRange(first, middle), HashRange(middle + 1, last))
    }

    /// Both as one; nil when there is something between them, or when they overlap.
    package func joined(with other: HashRange) -> HashRange? {
        let (lower, upper) = first < other.first ? (self, other) : (other, self)
        guard lower.last < .max, lower.last + 1 == upper.first else { return nil }
        return HashRange(lower.first, upper.last)
    }
}
