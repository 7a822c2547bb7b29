import Testing

@testable import LMDBLog

@Suite("RetentionClock")
struct RetentionClockTests {
    private typealias Moment = RetentionClock.Moment
    private static let second: UInt64 = 1_000_000_000
    private static let day: UInt64 = 86_400 * second
    private static let start: UInt64 = 20_000 * day

    private func moment(_ wall: UInt64, _ uptime: UInt64, boot: UInt64 = 1) -> Moment {
        Moment(wall: RetentionClockTests.start + wall, uptime: uptime, boot: boot)
    }

    private func now(_ clock: inout RetentionClock, _ moment: Moment) -> UInt64 {
        clock.now(moment).nowNanoseconds &- RetentionClockTests.start
    }

    @Test("a clock that is a day ahead for some seconds counts for nothing, also over a restart of the process")
    func step() {
        let (second, day) = (RetentionClockTests.second, RetentionClockTests.day)
        var clock = RetentionClock(anchor: nil, believedAfterNanoseconds: day)
        #expect(clock.now(moment(0, 100 * second)).isAnchorNew)
        #expect(now(&clock, moment(5 * second, 105 * second)) == 5 * second)
        let answer = clock.now(moment(day + 6 * second, 106 * second))
        #expect(answer.nowNanoseconds == RetentionClockTests.start + 6 * second && answer.newStepNanoseconds == day)
        #expect(clock.now(moment(day + 7 * second, 107 * second)).newStepNanoseconds == nil)
        var restarted = RetentionClock(anchor: clock.anchor, believedAfterNanoseconds: day)
        #expect(now(&restarted, moment(day + 8 * second, 108 * second)) == 8 * second)
        #expect(now(&restarted, moment(9 * second, 109 * second)) == 9 * second)
        // Told anew, since it was right in between.
        #expect(restarted.now(moment(day + 10 * second, 110 * second)).newStepNanoseconds != nil)
    }

    @Test("a step that lasts as long as records are kept is believed, and one back at once")
    func lasting() {
        let (second, day) = (RetentionClockTests.second, RetentionClockTests.day)
        var clock = RetentionClock(anchor: nil, believedAfterNanoseconds: 60 * second)
        _ = clock.now(moment(0, 0))
        #expect(now(&clock, moment(day, second)) == second)
        #expect(now(&clock, moment(day + 59 * second, 60 * second)) == 60 * second)
        #expect(now(&clock, moment(day + 60 * second, 61 * second)) == day + 60 * second)
        #expect(now(&clock, moment(100 * second, 62 * second)) == 100 * second)
        #expect(now(&clock, moment(101 * second, 63 * second)) == 101 * second)
    }

    @Test("after another boot the wall clock is believed, since nobody else knows")
    func booted() {
        let (second, day) = (RetentionClockTests.second, RetentionClockTests.day)
        var clock = RetentionClock(anchor: moment(0, 500 * second), believedAfterNanoseconds: day)
        #expect(now(&clock, moment(3 * day, 5 * second, boot: 2)) == 3 * day)
        #expect(clock.anchor?.boot == 2)
    }

    @Test("a log keeps what it believed")
    func kept() throws {
        let scratch = LogScratch()
        let anchor = Moment(wall: 3, uptime: 2, boot: 1)
        do {
            let log = try scratch.open()
            #expect(try log.retentionClock().anchor == nil)
            try log.keep(anchor)
        }
        #expect(try scratch.open().retentionClock().anchor == anchor)
    }
}
