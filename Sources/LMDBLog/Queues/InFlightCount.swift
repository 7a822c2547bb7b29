import SluiceCore

/// How many messages of a queue are in flight, counted once in a while: with very many entries a count takes as long as thousands of receives.
///
/// What this process hands out meanwhile is added. What other processes hand out isn't: beside a limit of 120,000 it doesn't matter.
struct InFlightCount: Sendable {
    /// As counted, and what was handed out since.
    var inFlight: UInt64
    /// Whether there were as many as may be, or nearly.
    let isOver: Bool
    private let countedAtNanoseconds: UInt64
    private let validUntilNanoseconds: UInt64

    private static let overNanoseconds: UInt64 = 1_000_000_000
    private static let underNanoseconds: UInt64 = 5_000_000_000

    /// A count at a time, wall clock, nanoseconds since 1970; `earliestVisible`: when the first of what is hidden is visible.
    init(inFlight: UInt64, isOver: Bool, nowNanoseconds now: UInt64, earliestVisible: UInt64?) {
        self.inFlight = inFlight
        self.isOver = isOver
        countedAtNanoseconds = now
        validUntilNanoseconds =
            isOver
            ? min(now.saturatingAdd(InFlightCount.overNanoseconds), earliestVisible ?? .max)
            : now.saturatingAdd(InFlightCount.underNanoseconds)
    }

    /// Whether it needn't be counted again.
    func isValid(nowNanoseconds now: UInt64) -> Bool { now >= countedAtNanoseconds && now < validUntilNanoseconds }
}
