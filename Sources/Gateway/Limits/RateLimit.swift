/// How often something may happen: so many a second in the long run, and so many at once.
public struct RateLimit: Sendable, Equatable {
    /// In the long run, a second.
    public let perSecond: Double
    /// At once, after a pause.
    public let burst: Double

    /// Makes a limit; a burst of one second's worth, and one at least, when none is given.
    public init(perSecond: Double, burst: Double? = nil) {
        self.perSecond = perSecond
        self.burst = max(1, burst ?? perSecond)
    }

    /// Nanoseconds of one.
    fileprivate var interval: Double { 1_000_000_000 / perSecond }
}

/// Where somebody stands with a ``RateLimit``: a token bucket, kept as the moment when it is full again (the generic cell rate algorithm,
/// ITU-T I.371).
///
/// One that is full is like one that nobody has used, and needn't be kept.
struct RateBucket: Equatable {
    /// When it is full again, nanoseconds of `StageClock`.
    private(set) var fullAt: UInt64 = 0

    /// How long until there is room, nanoseconds; 0 when there is some.
    ///
    /// Some is enough: a large piece goes through, and what follows waits for as long as it was large. So pieces may be larger than the burst.
    func wait(_ limit: RateLimit, now: UInt64) -> UInt64 {
        let debt = fullAt > now ? Double(fullAt - now) : 0
        let over = debt + limit.interval - limit.burst * limit.interval
        return over > 0 ? UInt64(over.rounded(.up)) : 0
    }

    /// Takes so many.
    mutating func take(_ count: Int, _ limit: RateLimit, now: UInt64) {
        let taken = min(Double(count) * limit.interval, RateBucket.longestDebt)
        fullAt = max(fullAt, now) &+ UInt64(taken)
    }

    /// Takes so many if there is room, or says how long until there is, nanoseconds.
    mutating func admit(_ count: Int, _ limit: RateLimit, now: UInt64) -> UInt64? {
        let wait = wait(limit, now: now)
        guard wait == 0 else { return wait }
        take(count, limit, now: now)
        return nil
    }

    /// A day: no piece keeps anybody out for longer.
    private static let longestDebt: Double = 86_400_000_000_000
}

/// The buckets of all that share a limit, such as addresses.
///
/// Full ones are dropped, so that it holds those who did something lately. At its limit there is no room for others.
struct RateTable<Key: Hashable & Sendable>: Sendable {
    private let limit: RateLimit
    private let maximumEntries: Int
    private var buckets: [Key: RateBucket] = [:]
    /// So many entries are looked through when there are that many.
    private var sweepAt = 1_024

    init(_ limit: RateLimit, maximumEntries: Int = 1_000_000) {
        self.limit = limit
        self.maximumEntries = maximumEntries
    }

    /// Buckets that are kept.
    var count: Int { buckets.count }

    /// How long until there is room for `key`, nanoseconds; 0 when there is some.
    mutating func wait(for key: Key, now: UInt64) -> UInt64 {
        guard let bucket = buckets[key] else {
            sweep(now: now)
            return buckets.count < maximumEntries ? 0 : RateTable.crowdedNanoseconds
        }
        return bucket.wait(limit, now: now)
    }

    /// Takes so many for `key`.
    mutating func take(_ count: Int, for key: Key, now: UInt64) {
        buckets[key, default: RateBucket()].take(count, limit, now: now)
    }

    /// Drops full buckets, each time as many more have come as were left: a constant cost for each.
    private mutating func sweep(now: UInt64) {
        guard buckets.count >= sweepAt else { return }
        buckets = buckets.filter { $0.value.fullAt > now }
        sweepAt = min(max(1_024, 2 * buckets.count), maximumEntries)
    }

    private static var crowdedNanoseconds: UInt64 { 1_000_000_000 }
}
