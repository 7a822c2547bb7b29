import SluiceCore
import Testing

@Suite("A log line that outside input can cause")
struct LogRateLimitTests {
    @Test("is written once a second, and then says how many were left out")
    func onceASecond() {
        var limit = LogRateLimit()
        #expect(limit.admit(atNanoseconds: 5_000_000_000) == 0)
        for millisecond in UInt64(1)...999 {
            #expect(limit.admit(atNanoseconds: 5_000_000_000 + millisecond * 1_000_000) == nil)
        }
        #expect(limit.admit(atNanoseconds: 6_000_000_000) == 999)
        #expect(limit.admit(atNanoseconds: 7_000_000_000) == 0)
    }

    @Test("may be written a few times a second where each tells something else")
    func severalASecond() {
        var limit = LogRateLimit(linesPerSecond: 3)
        let written = (0..<10).map { limit.admit(atNanoseconds: $0) }
        #expect(written == [0, 0, 0] + Array(repeating: nil, count: 7))
        #expect(limit.admit(atNanoseconds: 1_000_000_000) == 7)
    }

    @Test("isn't silenced by a clock that is set back")
    func clockSetBack() {
        var limit = LogRateLimit()
        #expect(limit.admit(atNanoseconds: 9_000_000_000) == 0)
        #expect(limit.admit(atNanoseconds: 3_000_000_000) == 0)
        #expect(limit.admit(atNanoseconds: 3_000_000_001) == nil)
    }
}
