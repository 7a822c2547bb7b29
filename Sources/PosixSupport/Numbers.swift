/// How long to wait before the next attempt: twice as long each time, from a minimum up to a maximum.
package struct Backoff: Sendable {
    private let minimumNanoseconds: UInt64
    private let maximumNanoseconds: UInt64
    private var currentNanoseconds: UInt64

    /// Waits of at least one nanosecond; a maximum below the minimum counts as the minimum.
    package init(minimumNanoseconds: UInt64, maximumNanoseconds: UInt64) {
        self.minimumNanoseconds = max(1, minimumNanoseconds)
        self.maximumNanoseconds = max(self.minimumNanoseconds, maximumNanoseconds)
        currentNanoseconds = self.minimumNanoseconds
    }

    /// The wait after the `attempt`-th attempt, counted from 1, for those who count themselves: doubled at most 20 times.
    package func nanoseconds(afterAttempt attempt: Int) -> UInt64 {
        let doublings = min(max(0, attempt - 1), 20)
        let (wait, overflows) = minimumNanoseconds.multipliedReportingOverflow(by: 1 << doublings)
        return overflows ? maximumNanoseconds : min(wait, maximumNanoseconds)
    }

    /// The next wait, with jitter so that many don't return in step: between half of the current step and all of it, never below the minimum.
    package mutating func next(using generator: inout some RandomNumberGenerator) -> UInt64 {
        let step = currentNanoseconds
        let (doubled, overflows) = step.multipliedReportingOverflow(by: 2)
        currentNanoseconds = overflows ? maximumNanoseconds : min(doubled, maximumNanoseconds)
        return UInt64.random(in: max(minimumNanoseconds, step / 2)...step, using: &generator)
    }

    /// Starts over: an attempt has succeeded.
    package mutating func reset() { currentNanoseconds = minimumNanoseconds }
}

/// The hash FNV-1a of 64 bits: the same in every process and version, where Swift's own differs with each start.
package enum FNV1a {
    /// The hash of bytes.
    @inlinable
    package static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash
    }
}
