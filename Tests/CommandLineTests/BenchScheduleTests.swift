import Testing

@testable import sluice

@Suite("BenchSchedule")
struct BenchScheduleTests {
    private static let second: UInt64 = 1_000_000_000

    private func schedule(_ pacing: BenchPacing, seconds: Double = 1, warmUp: Double = 0) throws -> BenchSchedule {
        let plan = try BenchPlan(
            target: BenchTarget("http://127.0.0.1:8080"),
            pacing: pacing,
            seconds: seconds,
            warmUpSeconds: warmUp
        )
        return BenchSchedule(plan, startNanoseconds: BenchScheduleTests.second)
    }

    @Test("messages are due at even times from the start to the end")
    func paced() throws {
        var schedule = try schedule(.rate(4))
        var times: [UInt64] = []
        while let next = schedule.nextNanoseconds { times += schedule.due(now: next) }
        #expect(times == [1_000_000_000, 1_250_000_000, 1_500_000_000, 1_750_000_000])
        #expect(schedule.due(now: 10 * BenchScheduleTests.second) == [])
    }

    @Test("who comes late gets all that was due meanwhile, with the times at which it was")
    func late() throws {
        var schedule = try schedule(.rate(10))
        let times = schedule.due(now: 1_350_000_000)
        #expect(times == [1_000_000_000, 1_100_000_000, 1_200_000_000, 1_300_000_000])
        #expect(schedule.nextNanoseconds == 1_400_000_000)
    }

    @Test("nothing is due before the start")
    func early() throws {
        var schedule = try schedule(.rate(10))
        #expect(schedule.due(now: 0) == [])
    }

    @Test("the schedule begins with the warm-up and ends with what is measured")
    func warmUp() throws {
        var schedule = try schedule(.rate(10), seconds: 2, warmUp: 0.5)
        #expect(schedule.measuredFromNanoseconds == 1_500_000_000)
        #expect(schedule.endNanoseconds == 3_500_000_000)
        #expect(schedule.due(now: 60 * BenchScheduleTests.second).count == 25)
    }

    @Test("with places in flight a message is due when one is free, until the end")
    func inFlight() throws {
        var schedule = try schedule(.inFlight(2))
        #expect(schedule.nextNanoseconds == nil)
        #expect(schedule.due(now: 1_000_000_100) == [1_000_000_100, 1_000_000_100])
        #expect(schedule.due(now: 1_000_000_200) == [])
        schedule.freePlace()
        #expect(schedule.due(now: 1_000_000_300) == [1_000_000_300])
        schedule.freePlace()
        #expect(schedule.due(now: 2_000_000_000) == [])
    }

    @Test("a schedule that is stopped has nothing more due, and isn't prolonged by a second stop")
    func stopped() throws {
        var schedule = try schedule(.rate(10))
        schedule.stop(now: 1_150_000_000)
        #expect(schedule.due(now: 9 * BenchScheduleTests.second).count == 2)
        schedule.stop(now: 5 * BenchScheduleTests.second)
        #expect(schedule.endNanoseconds == 1_150_000_000)
        #expect(schedule.nextNanoseconds == nil)
    }
}
