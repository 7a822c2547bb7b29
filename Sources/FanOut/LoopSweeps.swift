import NIOCore
import SluiceCore

/// The sweeps of one event loop, those that are on their way in turn.
struct LoopSweeps {
    private var sweeps: [TopicSweep?] = []
    // A sweep that is over leaves its memory to the next one.
    private var idle: [Int] = []
    private var turns = CircularBuffer<Int>()
    // Sweeps that wait for their rest to be over. One may end before that, and another begin in its place.
    private var resting: Set<Int> = []

    /// Sweeps that are on their way.
    var count: Int { turns.count }

    /// Begins a sweep.
    /// - Returns: its place.
    mutating func begin(
        feed: Int,
        shape: TopicFeed.Shape,
        formats: [any EventFormat],
        nowNanoseconds now: UInt64
    ) -> Int {
        let place: Int
        if let free = idle.popLast() {
            place = free
            sweeps[place]?.begin(feed: feed, shape: shape, nowNanoseconds: now)
        } else {
            place = sweeps.count
            sweeps.append(TopicSweep(feed: feed, shape: shape, formats: formats, nowNanoseconds: now))
        }
        turns.append(place)
        return place
    }

    /// Adds a record to a sweep.
    mutating func add(_ record: consuming ChangeRecord, _ delivery: consuming DeliveryGroup.Part?, to place: Int) {
        sweeps[place]?.add(record, delivery)
    }

    /// The sweep whose turn it is.
    mutating func next() -> Int? { turns.popFirst() }

    /// A sweep takes its turn again, behind the others.
    mutating func queueAgain(_ place: Int) { turns.append(place) }

    /// A sweep takes no turn until it is woken.
    mutating func rest(_ place: Int) { resting.insert(place) }

    /// A sweep's rest is over: it takes its turns again if it is still there.
    mutating func wake(_ place: Int) { if resting.remove(place) != nil { turns.append(place) } }

    /// Calls a sweep up out of its turn or its rest, to be done with now.
    mutating func callUp(_ place: Int) {
        resting.remove(place)
        turns.removeAll { $0 == place }
    }

    /// A sweep that had its turn, or was called up, is over.
    mutating func end(_ place: Int) { idle.append(place) }

    /// Checks a sweep out while it is changed, so that nothing of it is copied.
    mutating func checkOut(_ place: Int) -> TopicSweep? {
        var sweep: TopicSweep?
        swap(&sweep, &sweeps[place])
        return sweep
    }

    /// Checks a sweep in again.
    mutating func checkIn(_ sweep: consuming TopicSweep, at place: Int) { sweeps[place] = sweep }
}
