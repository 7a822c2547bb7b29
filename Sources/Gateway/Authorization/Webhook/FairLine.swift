/// Items that wait in the name of askers: they come out by turns, one asker after the other, each asker's in their order.
///
/// Every step takes the same short time, whatever waits.
struct FairLine<Asker: Hashable, Item> {
    /// An item that waits.
    struct Entry {
        let item: Item
        let bytes: Int
        let deadlineNanoseconds: UInt64
    }

    /// One asker's items, and its place in the ring.
    private struct Place {
        var entries: ArraySlice<Entry> = []
        var next: Asker
        var previous: Asker
    }

    private var places: [Asker: Place] = [:]
    /// Whose turn is next.
    private var turn: Asker?
    /// The askers by how much they have waiting, to find who has most.
    private var askers: [Int: Set<Asker>] = [:]
    private var longest = 0

    /// Items that wait.
    private(set) var count = 0
    /// What they take.
    private(set) var bytes = 0

    /// Puts an item at the end of its asker's; a new asker comes in last.
    mutating func add(_ entry: Entry, of asker: Asker) {
        if places[asker] == nil { link(asker) }
        places[asker]?.entries.append(entry)
        changed(asker, to: places[asker]?.entries.count ?? 0, by: 1)
        count += 1
        bytes += entry.bytes
    }

    /// Takes the next asker's oldest item; askers for which `isHeld` is true are passed over.
    mutating func next(passingOver isHeld: (Asker) -> Bool) -> (asker: Asker, entry: Entry)? {
        guard let first = turn else { return nil }
        var asker = first
        while isHeld(asker) {
            guard let following = places[asker]?.next, following != first else { return nil }
            asker = following
        }
        turn = places[asker]?.next
        return takeOldest(of: asker).map { (asker, $0) }
    }

    /// Takes the oldest item of the asker that has most.
    mutating func takeFromLongest() -> Entry? {
        guard let asker = askers[longest]?.first else { return nil }
        return takeOldest(of: asker)
    }

    /// Takes the items whose deadline has come, of up to `maximum` askers, the next in turn first.
    mutating func takeLate(at now: UInt64, askers maximum: Int) -> [Entry] {
        var late: [Entry] = []
        for _ in 0..<min(maximum, places.count) {
            guard let asker = turn else { break }
            turn = places[asker]?.next
            while let oldest = places[asker]?.entries.first, oldest.deadlineNanoseconds <= now,
                let entry = takeOldest(of: asker)
            {
                late.append(entry)
            }
        }
        return late
    }

    private mutating func takeOldest(of asker: Asker) -> Entry? {
        guard let entry = places[asker]?.entries.popFirst() else { return nil }
        let left = places[asker]?.entries.count ?? 0
        changed(asker, to: left, by: -1)
        count -= 1
        bytes -= entry.bytes
        if left == 0 { unlink(asker) }
        return entry
    }

    private mutating func changed(_ asker: Asker, to length: Int, by step: Int) {
        let before = length - step
        if before > 0 {
            askers[before]?.remove(asker)
            if askers[before]?.isEmpty == true { askers[before] = nil }
        }
        if length > 0 { askers[length, default: []].insert(asker) }
        longest = max(longest, length)
        // Lengths change by one, so if nobody is the longest any more, somebody is one shorter, or nothing waits.
        if askers[longest] == nil { longest -= 1 }
    }

    private mutating func link(_ asker: Asker) {
        guard let turn, let last = places[turn]?.previous else {
            places[asker] = Place(next: asker, previous: asker)
            self.turn = asker
            return
        }
        places[asker] = Place(next: turn, previous: last)
        places[last]?.next = asker
        places[turn]?.previous = asker
    }

    private mutating func unlink(_ asker: Asker) {
        guard let place = places.removeValue(forKey: asker) else { return }
        places[place.previous]?.next = place.next
        places[place.next]?.previous = place.previous
        if turn == asker { turn = place.next == asker ? nil : place.next }
    }
}
