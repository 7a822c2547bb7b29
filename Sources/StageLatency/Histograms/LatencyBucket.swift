/// How many durations fell into one bucket of a histogram; written in JSON as `[nanoseconds, count]`.
public struct LatencyBucket: Hashable, Codable, Sendable {
    /// The shortest duration of the bucket, nanoseconds.
    ///
    /// Recording it into another histogram fills the same bucket.
    public let nanoseconds: UInt64
    /// How many there were.
    public let count: UInt64

    /// Makes a bucket.
    public init(nanoseconds: UInt64, count: UInt64) {
        self.nanoseconds = nanoseconds
        self.count = count
    }

    /// Reads `[nanoseconds, count]`.
    public init(from decoder: any Decoder) throws {
        var pair = try decoder.unkeyedContainer()
        nanoseconds = try pair.decode(UInt64.self)
        count = try pair.decode(UInt64.self)
    }

    /// Writes `[nanoseconds, count]`.
    public func encode(to encoder: any Encoder) throws {
        var pair = encoder.unkeyedContainer()
        try pair.encode(nanoseconds)
        try pair.encode(count)
    }
}
