import SluiceCore

/// When the keys of an issuer are fetched, as a value: when what is known has become old, and for a key that isn't known, but not for each.
///
/// Time is passed in, nanoseconds of a clock that doesn't jump.
struct KeyFetchSchedule: Equatable {
    /// What to do about a token.
    enum Answer: Equatable {
        /// Decide with the keys that are there.
        case useKnown
        /// Decide with them, and fetch meanwhile.
        case fetchMeanwhile
        /// Decide when somebody's fetch has ended.
        case waitForFetch
        /// Fetch, and decide then.
        case fetchFirst
    }

    private enum Phase: Equatable {
        case idle
        case fetching
    }

    private var phase = Phase.idle
    /// When what is known is old; the beginning of time for nothing known.
    private var oldAt: UInt64 = 0
    /// Before then nothing is fetched, whoever asks.
    private var quietUntil: UInt64 = 0
    private var failuresInARow = 0

    /// Between two fetches for keys that aren't known: rotated keys are found that soon, and a thousand made-up names cost one fetch.
    static let quietNanoseconds: UInt64 = 30_000_000_000
    /// How long keys are taken for good, whatever the issuer says of it.
    static let freshNanoseconds: ClosedRange<UInt64> = 60_000_000_000...86_400_000_000_000
    /// The same where it says nothing.
    static let standardFreshNanoseconds: UInt64 = 600_000_000_000
    private static let firstPauseNanoseconds: UInt64 = 1_000_000_000
    private static let longestPauseNanoseconds: UInt64 = 60_000_000_000

    /// Whether somebody fetches.
    var isFetching: Bool { phase == .fetching }

    /// A token has come.
    ///
    /// `hasKey`: whether one of the known keys may be the token's.
    mutating func asked(hasKey: Bool, now: UInt64) -> Answer {
        let isOld = now >= oldAt
        if hasKey, !isOld { return .useKnown }
        if phase == .fetching { return hasKey ? .useKnown : .waitForFetch }
        guard now >= quietUntil else { return .useKnown }
        phase = .fetching
        return hasKey ? .fetchMeanwhile : .fetchFirst
    }

    /// The keys have come; good for so long, as the issuer says, nanoseconds.
    mutating func fetched(freshFor: UInt64?, now: UInt64) {
        phase = .idle
        failuresInARow = 0
        let range = KeyFetchSchedule.freshNanoseconds
        let fresh = freshFor ?? KeyFetchSchedule.standardFreshNanoseconds
        oldAt = now.saturatingAdd(min(max(fresh, range.lowerBound), range.upperBound))
        quietUntil = now.saturatingAdd(KeyFetchSchedule.quietNanoseconds)
    }

    /// They haven't; `jitter`: from 0 to 1, so that many gateways don't ask at once.
    mutating func failed(jitter: Double, now: UInt64) {
        phase = .idle
        let pause = min(
            KeyFetchSchedule.firstPauseNanoseconds << UInt64(min(failuresInARow, 10)),
            KeyFetchSchedule.longestPauseNanoseconds
        )
        failuresInARow += 1
        let part = UInt64(Double(pause / 2) * min(max(jitter, 0), 1))
        quietUntil = now.saturatingAdd(pause / 2 + part)
    }
}
