import NIOCore
import SluiceCore

/// The sweeps of one event loop: those that are on their way take turns, others rest.
struct LoopSweeps {
    /// Names one rest of one sweep, so that whoever wakes it can't wake what has its place by then.
    struct Rest: Equatable {
        fileprivate let place: Int
        fileprivate let number: UInt64
    }

    private struct Entry {
        var sweep: TopicSweep?
        /// The rest that it takes; nil when it has none.
        var rest: UInt64?
    }

    private var entries: [Entry] = []
    // A sweep that is over leaves its memory to the next one.
    private var idle: [Int] = []
    private var turns = CircularBuffer<Int>()
    private var nextRest: UInt64 = 0

    /// Sweeps that wait for their turn.
    var waiting: Int { turns.count }

    /// Begins a sweep.
    /// - Returns: its place.
    mutating func begin(feed: Int, shape: TopicFeed.Shape, nowNanoseconds now: UInt64) -> Int {
        let place: Int
        if let free = idle.popLast() {
            place = free
            entries[place].sweep?.begin(feed: feed, shape: shape, nowNanoseconds: now)
        } else {
            place = entries.count
            entries.append(Entry(sweep: TopicSweep(feed: feed, shape: shape, nowNanoseconds: now)))
        }
        turns.append(place)
        return place
    }

    /// Adds a record to a sweep.
    mutating func add(_ record: ChangeRecord, _ delivery: DeliveryGroup.Part?, to place: Int) {
        entries[place].sweep?.add(record, delivery)
    }

    /// The sweep whose turn it is.
    mutating func next() -> Int? { turns.popFirst() }

    /// A sweep takes another turn, behind the others.
    mutating func goOnLater(_ place: Int) { turns.append(place) }

    /// A sweep takes no turn until ``wake(_:)``.
    mutating func rest(_ place: Int) -> Rest {
        nextRest += 1
        entries[place].rest = nextRest
        return Rest(place: place, number: nextRest)
    }

    /// Ends a rest, if it is still taken.
    mutating func wake(_ rest: Rest) {
        guard entries[rest.place].rest == rest.number else { return }
        entries[rest.place].rest = nil
        turns.append(rest.place)
    }

    /// Takes a sweep out of its turn or its rest, to be done with now.
    mutating func callUp(_ place: Int) {
        entries[place].rest = nil
        turns.removeAll { $0 == place }
    }

    /// A sweep that had its turn is over.
    mutating func end(_ place: Int) { idle.append(place) }

    /// Takes a sweep out while it is changed, so that nothing of it is copied.
    mutating func take(_ place: Int) -> TopicSweep? {
        defer { entries[place].sweep = nil }
        return entries[place].sweep
    }

    /// Puts a sweep back.
    mutating func put(_ sweep: TopicSweep, at place: Int) { entries[place].sweep = sweep }
}
