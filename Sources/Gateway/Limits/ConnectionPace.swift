/// How fast one WebSocket sends, and how often it was refused for that.
///
/// A value of four buckets; time is passed in.
struct ConnectionPace {
    /// The bucket of its publishes.
    var publishes = RateBucket()
    private var frames = RateBucket()
    private var bytes = RateBucket()
    private var refusals = RateBucket()

    /// A frame has come.
    /// - Throws: the limit that it goes beyond; then it counts for nothing, but for ``mayGoOn(forgiving:now:)``.
    mutating func receive(
        bytes count: Int,
        _ limits: ClientLimits,
        now: UInt64
    ) throws(ConnectionLedger.Reached) {
        if let limit = limits.connectionMessages {
            let wait = frames.wait(limit, now: now)
            guard wait == 0 else {
                throw ConnectionLedger.Reached(limit: .connectionMessages, waitNanoseconds: wait)
            }
        }
        if let limit = limits.connectionBytes, let wait = bytes.admit(count, limit, now: now) {
            throw ConnectionLedger.Reached(limit: .connectionBytes, waitNanoseconds: wait)
        }
        if let limit = limits.connectionMessages { frames.take(1, limit, now: now) }
    }

    /// Something was refused since it came too fast.
    /// - Returns: false when so many were that the client doesn't heed it; one a second is forgotten.
    mutating func mayGoOn(forgiving count: Int, now: UInt64) -> Bool {
        refusals.admit(1, RateLimit(perSecond: 1, burst: Double(max(1, count))), now: now) == nil
    }
}
