import SluiceCore
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("Retention")
struct RetentionTests {
    private let retention = Retention(age: .nanoseconds(100), bytes: 1_000)

    private func state(oldest: UInt64 = 0, records: Int = 10, bytes: Int = 500, now: UInt64 = 50) -> Retention.State {
        Retention.State(oldestAcceptedAtNanoseconds: oldest, records: records, bytes: bytes, nowNanoseconds: now)
    }

    @Test("a record is trimmed when it is older than the age, not when it is as old, not when it is from the future")
    func byAge() {
        #expect(!retention.isDue(state(now: 100)))
        #expect(retention.isDue(state(now: 101)))
        #expect(!retention.isDue(state(oldest: 500, now: 101)))
    }

    @Test("as many of the oldest records go as the log is too large by, but never more than there are")
    func byBytes() {
        #expect(!retention.isDue(state(bytes: 1_000)))
        #expect(retention.excessRecords(state(bytes: 1_000)) == 0)
        #expect(retention.isDue(state(bytes: 1_001)))
        #expect(retention.excessRecords(state(bytes: 1_001)) == 1)
        #expect(retention.excessRecords(state(bytes: 2_000)) == 5)
        #expect(retention.excessRecords(state(records: 1, bytes: 9_000)) == 1)
        #expect(retention.excessRecords(state(records: 9_000, bytes: 9_000)) == 8_000)
    }

    @Test("an empty log has nothing to trim")
    func empty() {
        #expect(!retention.isDue(state(records: 0, bytes: 9_000, now: 1_000)))
        #expect(retention.excessRecords(state(records: 0, bytes: 9_000)) == 0)
    }

    @Test("ages beyond 584 years, and negative ones, don't overflow")
    func extremeAges() {
        #expect(Retention(age: .seconds(Int64.max), bytes: 0).ageNanoseconds == .max)
        #expect(Retention(age: .seconds(-1), bytes: 0).ageNanoseconds == 0)
        #expect(Duration.milliseconds(1_500).wholeNanoseconds == 1_500_000_000)
    }
}
