/// How long to wait before the next attempt: twice as long each time, up to a limit, with jitter so that publishers
/// don't return in step.
struct LinkBackoff {
    private let minimumNanoseconds: UInt64
    private let maximumNanoseconds: UInt64
    private var currentNanoseconds: UInt64

    init(minimumNanoseconds: UInt64, maximumNanoseconds: UInt64) {
        self.minimumNanoseconds = max(1, minimumNanoseconds)
        self.maximumNanoseconds = max(self.minimumNanoseconds, maximumNanoseconds)
        currentNanoseconds = self.minimumNanoseconds
    }

    /// The next wait: between half of the current step and all of it, never below the minimum.
    mutating func next(using generator: inout some RandomNumberGenerator) -> UInt64 {
        let step = currentNanoseconds
        let (doubled, overflows) = step.multipliedReportingOverflow(by: 2)
        currentNanoseconds = overflows ? maximumNanoseconds : min(doubled, maximumNanoseconds)
        return UInt64.random(in: max(minimumNanoseconds, step / 2)...step, using: &generator)
    }

    /// Starts over: a connection was made.
    mutating func reset() { currentNanoseconds = minimumNanoseconds }
}
