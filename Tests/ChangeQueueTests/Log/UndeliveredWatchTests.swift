import Testing

@testable import LMDBLog

@Suite("UndeliveredWatch")
struct UndeliveredWatchTests {
    @Test("what was trimmed undelivered is said once, at the look after it, and not of what was delivered meanwhile")
    func says() {
        var watch = UndeliveredWatch()
        let second: UInt64 = 1_000_000_000
        func look(_ trimmed: UInt64, _ retired: UInt64?, _ now: UInt64) -> UInt64 {
            watch.trimmedUndelivered(trimmedThrough: trimmed, retiredThrough: retired, nowNanoseconds: now * second)
        }
        #expect(watch.isDue(nowNanoseconds: 0))
        #expect(look(100, 90, 0) == 0)
        #expect(!watch.isDue(nowNanoseconds: 4 * second) && watch.isDue(nowNanoseconds: 5 * second))
        // The checkpoint was only late.
        #expect(look(150, 120, 5) == 0)
        #expect(look(200, 120, 10) == 30)
        #expect(look(200, 120, 15) == 50)
        #expect(look(200, 120, 20) == 0)
        #expect(look(300, 200, 25) == 0)
        #expect(look(300, 250, 30) == 50)
        // No queue was ever used.
        #expect(look(900, nil, 35) == 0)
    }
}
