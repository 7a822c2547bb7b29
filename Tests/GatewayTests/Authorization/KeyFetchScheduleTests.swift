import TestSupport
import Testing

@testable import Gateway

@Suite("KeyFetchSchedule")
struct KeyFetchScheduleTests {
    private let second: UInt64 = 1_000_000_000

    @Test("keys are fetched first, then meanwhile when they are old, one fetch at a time")
    func ages() {
        var schedule = KeyFetchSchedule()
        #expect(schedule.asked(hasKey: false, now: 5 * second) == .fetchFirst)
        #expect(schedule.asked(hasKey: false, now: 5 * second) == .waitForFetch)
        schedule.fetched(freshFor: 100 * second, now: 6 * second)
        #expect(schedule.asked(hasKey: true, now: 105 * second) == .useKnown)
        #expect(schedule.asked(hasKey: true, now: 106 * second) == .fetchMeanwhile)
        #expect(schedule.asked(hasKey: true, now: 106 * second) == .useKnown)
        schedule.failed(jitter: 1, now: 107 * second)
        #expect(schedule.asked(hasKey: true, now: 107 * second) == .useKnown)
        #expect(schedule.asked(hasKey: true, now: 108 * second) == .fetchMeanwhile)
    }

    @Test("what the issuer says of how long keys are good counts within bounds")
    func bounds() {
        for (said, fresh) in [(0, 60), (10, 60), (nil, 600), (3_600, 3_600), (UInt64.max / 2_000_000_000, 86_400)]
            as [(UInt64?, UInt64)]
        {
            var schedule = KeyFetchSchedule()
            _ = schedule.asked(hasKey: false, now: 0)
            schedule.fetched(freshFor: said.map { $0 * second }, now: 0)
            #expect(schedule.asked(hasKey: true, now: fresh * second - 1) == .useKnown)
            #expect(schedule.asked(hasKey: true, now: fresh * second) == .fetchMeanwhile)
        }
    }

    @Test("a thousand unknown keys cost one fetch in a while, and failures ever fewer")
    func isQuiet() {
        let seed = SeededGenerator.printedSeed()
        var generator = SeededGenerator(seed: seed)
        var schedule = KeyFetchSchedule()
        var now: UInt64 = 0
        var fetches = 0
        _ = schedule.asked(hasKey: false, now: now)
        schedule.fetched(freshFor: nil, now: now)
        for _ in 0..<1_000 {
            now += 29_000_000
            if schedule.asked(hasKey: false, now: now) == .fetchFirst { fetches += 1 }
        }
        #expect(fetches == 0)
        now += second + second
        #expect(schedule.asked(hasKey: false, now: now) == .fetchFirst)
        fetches = 0
        schedule.failed(jitter: Double.random(in: 0...1, using: &generator), now: now)
        for _ in 0..<600 {
            now += second
            guard schedule.asked(hasKey: false, now: now) == .fetchFirst else { continue }
            fetches += 1
            schedule.failed(jitter: Double.random(in: 0...1, using: &generator), now: now)
        }
        // 1, 2, 4 … 60 s, each between half of it and all.
        #expect((10...26).contains(fetches), "seed \(seed)")
    }
}
