/// When the next message leaves.
enum BenchPacing: Equatable, Sendable {
    /// On schedule, so many a second, whether or not the ones before are through.
    case rate(Double)
    /// When one of so many places is free: a message leaves its place when it is acknowledged and all its receivers have it.
    case inFlight(Int)
}
