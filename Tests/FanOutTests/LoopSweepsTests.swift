import SluiceCore
import Testing

@testable import FanOut

@Suite("LoopSweeps")
struct LoopSweepsTests {
    private func begin(_ sweeps: inout LoopSweeps, feed: Int) -> Int {
        sweeps.begin(
            feed: feed,
            shape: .init(feedNumber: 1, count: 1, removals: 0, leastMoved: .none),
            formats: TestFormat.all,
            nowNanoseconds: 0
        )
    }

    @Test("gives sweeps their turns in order and their places once")
    func turns() {
        var sweeps = LoopSweeps()
        let places = (0..<3).map { begin(&sweeps, feed: $0) }
        #expect(Set(places).count == 3)
        #expect(sweeps.count == 3)
        #expect(sweeps.next() == places[0])
        sweeps.queueAgain(places[0])
        #expect(sweeps.next() == places[1])
        sweeps.end(places[1])
        #expect(begin(&sweeps, feed: 3) == places[1])
        let fourth = begin(&sweeps, feed: 4)
        #expect(!places.contains(fourth))
        #expect((0..<4).map { _ in sweeps.next() } == [places[2], places[0], places[1], fourth])
        #expect(sweeps.next() == nil)
    }

    @Test("takes a sweep out and puts it back")
    func take() {
        var sweeps = LoopSweeps()
        let place = begin(&sweeps, feed: 5)
        let sweep = sweeps.checkOut(place)
        #expect(sweep?.feed == 5)
        #expect(sweeps.checkOut(place) == nil)
        if let sweep { sweeps.checkIn(sweep, at: place) }
        #expect(sweeps.checkOut(place)?.feed == 5)
    }

    @Test("wakes a sweep that rests, once, and none that has ended meanwhile")
    func rest() {
        var sweeps = LoopSweeps()
        let place = begin(&sweeps, feed: 0)
        #expect(sweeps.next() == place)
        sweeps.rest(place)
        #expect(sweeps.count == 0)
        sweeps.wake(place)
        sweeps.wake(place)
        #expect(sweeps.count == 1)
        #expect(sweeps.next() == place)
        sweeps.rest(place)
        sweeps.callUp(place)
        sweeps.end(place)
        sweeps.wake(place)
        #expect(sweeps.count == 0)
        // Another has the place: its turn comes once.
        #expect(begin(&sweeps, feed: 1) == place)
        sweeps.wake(place)
        #expect(sweeps.count == 1)
    }
}
