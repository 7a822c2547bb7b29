/// The unit in which people read latencies.
enum Microseconds {
    /// `nanoseconds` in microseconds, rounded to one decimal.
    static func rounded(_ nanoseconds: UInt64) -> Double {
        let tenths = nanoseconds / 100 &+ (nanoseconds % 100 >= 50 ? 1 : 0)
        return Double(tenths) / 10
    }
}
