import Testing

@testable import Gateway

@Suite("ConnectionDeadlines")
struct ConnectionDeadlinesTests {
    private func fresh() -> ConnectionDeadlines {
        ConnectionDeadlines(bodyNanoseconds: 60, idleNanoseconds: 75, now: 0)
    }

    @Test("an idle connection has until its deadline")
    func idle() {
        let deadlines = fresh()
        #expect(deadlines.verdict(now: 74, isStuck: false) == .lookAgain(afterNanoseconds: 1))
        #expect(deadlines.verdict(now: 75, isStuck: false) == .close)
    }

    @Test("a body has until its deadline, counted from the head")
    func body() {
        var deadlines = fresh()
        deadlines.headRead(now: 10)
        #expect(deadlines.isReading)
        #expect(deadlines.verdict(now: 69, isStuck: false) == .lookAgain(afterNanoseconds: 1))
        #expect(deadlines.verdict(now: 70, isStuck: false) == .bodyIsLate)
    }

    @Test("a handler has all the time it needs, a client that doesn't read hasn't")
    func answering() {
        var deadlines = fresh()
        deadlines.headRead(now: 0)
        deadlines.bodyRead(now: 10)
        #expect(deadlines.verdict(now: 1_000, isStuck: false) == .lookAgain(afterNanoseconds: 75))
        #expect(deadlines.verdict(now: 1_000, isStuck: true) == .close)
        #expect(deadlines.verdict(now: 84, isStuck: true) == .lookAgain(afterNanoseconds: 1))
    }

    @Test("the last answer starts the idle time, unless the next request is being read")
    func answered() {
        var deadlines = fresh()
        deadlines.headRead(now: 0)
        deadlines.bodyRead(now: 1)
        deadlines.allAnswered(now: 100)
        #expect(deadlines.verdict(now: 174, isStuck: false) == .lookAgain(afterNanoseconds: 1))
        deadlines.headRead(now: 174)
        deadlines.allAnswered(now: 180)
        #expect(deadlines.isReading)
    }

    @Test("a clock that stands still or goes back does no harm")
    func clock() {
        let deadlines = ConnectionDeadlines(bodyNanoseconds: 0, idleNanoseconds: 0, now: 100)
        #expect(deadlines.verdict(now: 50, isStuck: false) == .lookAgain(afterNanoseconds: 1))
    }
}
