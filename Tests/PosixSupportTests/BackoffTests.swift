import PosixSupport
import TestSupport
import Testing

@Suite struct BackoffTests {
    @Test("each wait is up to twice as long as the one before, until the limit")
    func doubling() {
        var generator = SeededGenerator(seed: SeededGenerator.printedSeed())
        for _ in 0..<100 {
            var backoff = Backoff(minimumNanoseconds: 100, maximumNanoseconds: 5000)
            var step: UInt64 = 100
            for _ in 0..<20 {
                let wait = backoff.next(using: &generator)
                #expect(wait <= step && wait >= max(100, step / 2))
                step = min(5000, step * 2)
            }
        }
    }

    @Test("after a success the waits start over")
    func reset() {
        var generator = SeededGenerator(seed: 1)
        var backoff = Backoff(minimumNanoseconds: 100, maximumNanoseconds: 5000)
        for _ in 0..<10 { _ = backoff.next(using: &generator) }
        backoff.reset()
        #expect(backoff.next(using: &generator) == 100)
    }

    @Test("odd limits don't trap")
    func oddLimits() {
        var generator = SeededGenerator(seed: 1)
        for (minimum, maximum) in [(0, 0), (10, 1), (UInt64.max, .max), (UInt64.max / 2 + 1, .max)]
            as [(UInt64, UInt64)]
        {
            var backoff = Backoff(minimumNanoseconds: minimum, maximumNanoseconds: maximum)
            for _ in 0..<3 { #expect(backoff.next(using: &generator) > 0) }
        }
    }
}
