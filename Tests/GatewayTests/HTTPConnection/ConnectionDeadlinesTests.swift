import Testing

@testable import Gateway

@Suite("ConnectionDeadlines")
struct ConnectionDeadlinesTests {
    /// A connection that is quiet since 0.
    private func quiet() -> ConnectionDeadlines {
        var deadlines = ConnectionDeadlines(headNanoseconds: 10, bodyNanoseconds: 60, idleNanoseconds: 75, now: 0)
        deadlines.headRead(now: 0)
        deadlines.bodyRead(now: 0)
        deadlines.allAnswered(now: 0)
        return deadlines
    }

    private func verdict(
        _ deadlines: ConnectionDeadlines,
        _ now: UInt64,
        _ pause: ConnectionDeadlines.Pause = .none
    ) -> ConnectionDeadlines.Verdict {
        var deadlines = deadlines
        return deadlines.verdict(now: now, pause)
    }

    @Test("a quiet connection has until its deadline")
    func idle() {
        #expect(quiet().due == 75)
        #expect(verdict(quiet(), 74) == .lookAgain)
        #expect(verdict(quiet(), 75) == .close)
    }

    @Test("a first head has its time from the beginning, a later one from its first byte")
    func head() {
        let first = ConnectionDeadlines(headNanoseconds: 10, bodyNanoseconds: 60, idleNanoseconds: 75, now: 0)
        #expect(verdict(first, 9) == .lookAgain)
        #expect(verdict(first, 10) == .headIsLate)
        var later = quiet()
        later.headBegan(now: 50)
        later.headBegan(now: 55)
        #expect(verdict(later, 59) == .lookAgain)
        #expect(verdict(later, 60) == .headIsLate)
    }

    @Test("a body has until its deadline, counted from the head")
    func body() {
        var deadlines = quiet()
        deadlines.headRead(now: 10)
        #expect(deadlines.isReading)
        #expect(verdict(deadlines, 69) == .lookAgain)
        #expect(verdict(deadlines, 70) == .bodyIsLate)
    }

    @Test("what the gateway doesn't read isn't late")
    func paused() {
        var deadlines = quiet()
        deadlines.headRead(now: 0)
        let verdict = deadlines.verdict(now: 60, .ours)
        #expect(verdict == .lookAgain && deadlines.due == 120)
        deadlines.readAgain(now: 100)
        #expect(deadlines.due == 160)
    }

    @Test("a handler has all the time it needs, a client that doesn't read hasn't")
    func answering() {
        var deadlines = quiet()
        deadlines.headRead(now: 0)
        deadlines.bodyRead(now: 10)
        #expect(verdict(deadlines, 84, .stuck) == .lookAgain)
        #expect(verdict(deadlines, 85, .stuck) == .close)
        let verdict = deadlines.verdict(now: 1_000, .none)
        #expect(verdict == .lookAgain && deadlines.due == 1_075)
        // Half a request doesn't give a client that doesn't read more than once the time.
        deadlines.headBegan(now: 1_000)
        let first = deadlines.verdict(now: 1_010, .stuck)
        let second = deadlines.verdict(now: 1_085, .stuck)
        #expect(first == .lookAgain && second == .close)
    }

    @Test("the last answer starts the idle time, unless the next request has begun")
    func answered() {
        var deadlines = quiet()
        deadlines.headRead(now: 0)
        deadlines.bodyRead(now: 1)
        deadlines.allAnswered(now: 100)
        #expect(deadlines.due == 175)
        deadlines.headRead(now: 174)
        deadlines.allAnswered(now: 180)
        #expect(deadlines.isReading)
    }

    @Test("a client has two seconds to close behind us")
    func lingering() {
        var deadlines = quiet()
        deadlines.lingers(now: 5)
        deadlines.headBegan(now: 1_000_000_000)
        #expect(verdict(deadlines, 2_000_000_004) == .lookAgain)
        #expect(verdict(deadlines, 2_000_000_005) == .close)
    }

    @Test("a clock that stands still or goes back does no harm")
    func clock() {
        let deadlines = ConnectionDeadlines(headNanoseconds: 0, bodyNanoseconds: 0, idleNanoseconds: 0, now: 100)
        #expect(verdict(deadlines, 50) == .lookAgain)
    }
}
